// What went wrong, as the server says it (RFC 9457), or as the page has to say it itself.

export class Problem extends Error {
  /** `slug` names the kind; `retryAfter` is in seconds, null where a second try is of no use. */
  constructor({ slug, title, detail, status = 0, retryAfter = null }) {
    super(detail);
    Object.assign(this, { slug, title, detail, status, retryAfter });
  }

  get isBusy() {
    return this.status === 429 || this.status === 503;
  }
}

const AGAIN_AFTER_S = 3;

/** From a response that is no success. */
export async function problemOf(response) {
  const told = await response.json().catch(() => ({}));
  const after = Number.parseFloat(response.headers.get("retry-after") ?? "");
  return problemTold(told, response.status, after);
}

/** From a problem's JSON, or OpenAI's error object, wherever it stood. */
export function problemTold(told, status = told.status ?? 0, after = Number.NaN) {
  const isBusy = status === 429 || status === 503;
  return new Problem({
    slug: String(told.type ?? told.error?.code ?? "").split(":").pop(),
    title: told.title ?? `The server answered ${status}`,
    detail: told.detail ?? told.error?.message ?? "It did not say why. Its log may.",
    status,
    retryAfter: isBusy ? (Number.isFinite(after) ? after : AGAIN_AFTER_S) : null,
  });
}

/** From whatever was thrown while the server was asked. */
export function problemFrom(error) {
  if (error instanceof Problem) return error;
  return new Problem({
    slug: "unreachable",
    title: "The server cannot be reached",
    detail: "Nothing came back. Is it running, and is this computer online? Then try again.",
  });
}
