// Errors reported by the server (RFC 9457) or by the page itself.

export class Problem extends Error {
  /** `slug` names the kind; `retryAfter` is in seconds, null if a retry is useless. */
  constructor({ slug, title, detail, status = 0, retryAfter = null }) {
    super(detail);
    Object.assign(this, { slug, title, detail, status, retryAfter });
  }

  get isBusy() {
    return this.status === 429 || this.status === 503;
  }
}

const AGAIN_AFTER_S = 3;

/** Converts an error response. */
export async function problemOf(response) {
  const body = await response.json().catch(() => ({}));
  const after = Number.parseFloat(response.headers.get("retry-after") ?? "");
  return problemFromJson(body, response.status, after);
}

/** Converts a problem's JSON or OpenAI's error object. */
export function problemFromJson(body, status = body.status ?? 0, after = Number.NaN) {
  const isBusy = status === 429 || status === 503;
  return new Problem({
    slug: String(body.type ?? body.error?.code ?? "").split(":").pop(),
    title: body.title ?? `The server answered ${status}`,
    detail: body.detail ?? body.error?.message ?? "The server gave no reason. Check its log.",
    status,
    retryAfter: isBusy ? (Number.isFinite(after) ? after : AGAIN_AFTER_S) : null,
  });
}

/** Converts any error thrown during a request. */
export function problemFrom(error) {
  if (error instanceof Problem) return error;
  return new Problem({
    slug: "unreachable",
    title: "The server cannot be reached",
    detail: "The request got no response. Check that the server is running and this computer is online, then try again.",
  });
}
