// Reads text/event-stream from a fetch, because EventSource cannot send a recording.
// Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

/** Yields { event, data } for each message of a response's body; `data` is text. Skips comments. */
export async function* messages(body) {
  let rest = "";
  for await (const text of texts(body)) {
    rest += text;
    // A \r at the end may be half of a \r\n.
    const ready = rest.endsWith("\r") ? rest.slice(0, -1) : rest;
    const blocks = ready.replace(/\r\n?/g, "\n").split("\n\n");
    rest = blocks.pop() + rest.slice(ready.length);
    for (const block of blocks) {
      const message = parsed(block);
      if (message) yield message;
    }
  }
}

async function* texts(body) {
  // No `for await` over the body itself: Safari's streams do not support it.
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function parsed(block) {
  let event = "message";
  const data = [];
  for (const line of block.split("\n")) {
    const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line);
    if (field === "event") event = value;
    if (field === "data") data.push(value);
  }
  return data.length ? { event, data: data.join("\n") } : null;
}
