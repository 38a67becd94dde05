/** What went wrong, with the server's stable code. Codes are listed in docs/api.md. */
export class WaqtorError extends Error {
  constructor(message, { code = "error", status, details = {}, requestId, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "WaqtorError";
    this.code = code;
    this.status = status;
    this.details = details;
    this.requestId = requestId;
  }

  /** Whether trying again later is right. */
  get retryable() {
    return RETRY_STATUSES.has(this.status) || this.code === "unavailable" || this.code === "timeout";
  }
}

export const RETRY_STATUSES = new Set([429, 502, 503, 504]);

const CODES = {
  400: "invalid_input", 401: "unauthorized", 403: "forbidden", 404: "not_found", 409: "conflict",
  412: "revision_conflict", 413: "too_large", 422: "invalid_input", 429: "rate_limited", 502: "unavailable",
  503: "unavailable", 504: "timeout",
};

/** The error that an answer carries. */
export function errorOf(status, body, headers) {
  const error = body && typeof body.error === "object" && body.error !== null ? body.error : {};
  const details = { ...(error.details ?? {}) };
  const wait = retryAfter(headers);
  if (wait !== undefined && details.retry_after === undefined) details.retry_after = wait;
  return new WaqtorError(error.message ?? `The server answered ${status}.`, {
    code: error.code ?? CODES[status] ?? "error",
    status,
    details,
    requestId: error.request_id ?? headers.get("x-request-id") ?? undefined,
  });
}

/** Seconds that the server asked to wait. */
export function retryAfter(headers) {
  const given = headers.get("retry-after");
  const seconds = given === null || given.trim() === "" ? NaN : Number(given);
  return seconds >= 0 && seconds < 1e9 ? seconds : undefined;
}
