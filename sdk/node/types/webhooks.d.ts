/** A webhook that was checked. */
export interface Received {
  /** The same for every attempt at this event; empty under the older scheme. */
  id: string;
  event: string;
  data: unknown;
  timestamp: string;
}

export interface VerifyOptions {
  /** Seconds that the time of the attempt may lie in the past or future; 300 by default. */
  tolerance?: number;
  /** Seconds since 1970, for tests. */
  now?: number;
}

export class WebhookRefused extends Error {
  readonly code: "webhook.refused";
  readonly status: 401;
}

/** Check a webhook's signature and return what it says; throws `WebhookRefused`. */
export function verify(
  secret: string | string[],
  headers: Headers | Record<string, string | string[] | undefined>,
  body: string | Uint8Array,
  options?: VerifyOptions,
): Received;
