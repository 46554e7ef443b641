// Client of the server's public API.

import { messages } from "./event_stream.js";
import { post } from "./post.js";
import { Problem, problemFrom, problemOf, problemFromJson } from "./problem.js";

export const ROUTES = {
  dense_caption: "v1/dense-caption",
  ground: "v1/ground",
  ask: "v1/ask",
  summarize: "v1/summarize",
};

/** The page's base URL: a proxy may serve the page below a path. Without user and password, which fetch refuses. */
export const BASE = new URL(".", location.origin + location.pathname).href;

/** GET JSON. Throws a Problem, also once the signal is aborted. */
export async function read(path, signal = null) {
  try {
    const response = await fetch(BASE + path, { headers: { Accept: "application/json" }, signal });
    if (!response.ok) throw await problemOf(response);
    return await response.json();
  } catch (error) {
    throw problemFrom(error);
  }
}

/** Returns the loaded model: { id, tasks }. Throws a Problem, with `retryAfter` while the model loads. */
export async function loadedModel(signal) {
  return (await read("v1/models", signal)).data[0];
}

/**
 * Runs one task. `fields` is a list of [name, value]. `onPiece(piece)` is called for each event as it is found, if the
 * server streams, and `onProgress(progress)` with { sent }, the share that is uploaded, then with { done, passes } if the
 * recording takes several passes. Returns the whole answer. Throws a Problem, or AbortError.
 */
export async function analyse(task, file, name, fields, { onPiece, onProgress, signal }) {
  const form = new FormData();
  for (const [field, value] of fields) form.append(field, value);
  form.append("stream", "true");
  form.append("file", file, name);
  try {
    const response = await post(BASE + ROUTES[task], form, { sent: (sent) => onProgress({ sent }), signal });
    if (!response.ok) throw await problemOf(response);
    const type = response.headers.get("content-type") ?? "";
    if (!type.startsWith("text/event-stream")) return await response.json();
    return await readStream(response.body, onPiece, onProgress);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    if (!(error instanceof Problem) && !(await isReadable(file))) throw CHANGED;
    throw problemFrom(error);
  }
}

const CHANGED = new Problem({
  slug: "changed",
  title: "The file has changed",
  detail: "It was changed, moved or deleted after you chose it. Choose it again.",
});

/** Whether the browser can still read a file. Once it has changed on disk, requests that send it get no response. */
function isReadable(file) {
  return file.slice(0, 1).arrayBuffer().then(() => true, () => false);
}

const PIECES = ["event", "result", "segment", "interval"];

/** Reads a streamed answer: pieces and progress, then the whole answer as done, or an error instead. */
async function readStream(body, onPiece, onProgress) {
  let whole = null;
  for await (const { event, data } of messages(body)) {
    const message = JSON.parse(data);
    if (event === "error") throw problemFromJson(message);
    if (event === "done") whole = message;
    if (event === "progress") onProgress({ done: message.passes_done, passes: message.passes });
    if (PIECES.includes(event)) onPiece(message);
  }
  if (whole) return whole;
  throw new Problem({
    slug: "cut-off",
    title: "The answer was cut off",
    detail: "The connection closed before the answer was complete. Try again.",
  });
}

/** Returns an answer in another format, as a Blob. */
export async function written(format, task, answer, name) {
  try {
    const response = await fetch(`${BASE}page/written/${format}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ task, answer, name }),
    });
    if (!response.ok) throw await problemOf(response);
    return await response.blob();
  } catch (error) {
    throw problemFrom(error);
  }
}
