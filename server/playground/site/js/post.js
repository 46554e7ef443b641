// POST of a form with its upload progress, which fetch does not report.

/**
 * Returns a Response as soon as its headers have arrived, as fetch does. `sent(share)` is called, with 0 to 1, while the
 * form is sent. Throws TypeError if the server does not respond, and the signal's reason once it is aborted.
 */
export function post(url, form, { sent, signal }) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const request = new XMLHttpRequest();
    const encoder = new TextEncoder();
    let length = 0;
    let body = null;
    const stream = new ReadableStream({ start: (controller) => (body = controller), cancel: () => request.abort() });
    const grow = () => {
      const text = request.responseText.slice(length);
      length += text.length;
      if (text) body.enqueue(encoder.encode(text));
    };
    const fail = (error) => {
      body.error(error);
      reject(error);
    };
    request.upload.addEventListener("progress", ({ loaded, total }) => sent(loaded / total));
    request.addEventListener("readystatechange", () => {
      if (request.readyState !== XMLHttpRequest.HEADERS_RECEIVED) return;
      resolve(new Response(stream, { status: request.status, headers: headersOf(request) }));
    });
    request.addEventListener("progress", grow);
    request.addEventListener("load", () => {
      grow();
      body.close();
    });
    request.addEventListener("error", () => fail(new TypeError("No response")));
    request.addEventListener("abort", () => fail(signal.reason));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.open("POST", url);
    request.send(form);
  });
}

function headersOf(request) {
  const lines = request.getAllResponseHeaders().trim().split("\r\n");
  return new Headers(lines.map((line) => line.split(/: (.*)/).slice(0, 2)));
}
