import type { Resources } from "./api.js";

export * from "./api.js";
export { verify, WebhookRefused, type Received, type VerifyOptions } from "./webhooks.js";

/** What went wrong, with the server's stable code. */
export class WaqtorError extends Error {
  readonly code: string;
  readonly status?: number;
  readonly details: Record<string, unknown>;
  readonly requestId?: string;
  /** Whether trying again later is right. */
  get retryable(): boolean;
}

export interface Place {
  epoch: string;
  offset: number;
}

/** Remembers the last event that was handled. */
export interface Cursor {
  load(): Place | null;
  save(place: Place): void;
}

export class MemoryCursor implements Cursor {
  load(): Place | null;
  save(place: Place): void;
}

export class FileCursor implements Cursor {
  constructor(path: string);
  load(): Place | null;
  save(place: Place): void;
}

/** A server frame: an event of the journal, or one that only concerns now (no `offset`). */
export interface Event<Data = Record<string, unknown>> {
  type: string;
  data: Data;
  topic?: string;
  session?: string;
  id?: string;
  offset?: number;
  timestamp?: number;
  correlation_id?: string;
}

export interface ClientOptions {
  /** Default: `WAQTOR_API_URL`, or http://localhost:8080. */
  apiUrl?: string;
  /** Default: `WAQTOR_API_KEY`. */
  apiKey?: string;
  /** The WhatsApp number to use where several exist. */
  session?: string;
  cursor?: Cursor;
  timeoutMs?: number;
  /** Repeats of what is safe to repeat, after the first attempt. */
  retries?: number;
  fetch?: typeof fetch;
  /** A WebSocket class; default: Node's own (22 and newer), else the package `ws`. */
  WebSocket?: unknown;
  /** Told when a handler fails; the others still run. */
  onError?: (error: unknown, context: { pattern: string; frame: Event }) => void;
}

export type Handler<Data = Record<string, unknown>> = (data: Data, event: Event<Data>) => unknown;

export class WaqtorClient {
  constructor(options?: ClientOptions);
  on(pattern: string, handler: Handler): () => void;
  listen(): Promise<void>;
  close(): Promise<void>;
}

export interface WaqtorClient extends Resources {}
