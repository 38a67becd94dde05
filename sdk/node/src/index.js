import { MemoryCursor } from "./cursors.js";
import { WaqtorError } from "./errors.js";
import { Http } from "./http.js";
import { OPERATIONS } from "./operations.js";
import { EventStream, LOCAL } from "./stream.js";

export { FileCursor, MemoryCursor } from "./cursors.js";
export { WaqtorError } from "./errors.js";
export { WebhookRefused, verify } from "./webhooks.js";

/**
 * Client of one WaQtor server. Every REST operation is a method of its resource, `client.messages.sendText({…})`;
 * `client.on("message.received", handler)` listens, and misses nothing over reconnects (and, with a FileCursor,
 * over restarts).
 */
export class WaqtorClient {
  #handlers = [];
  #stream;
  #running;

  constructor({
    apiUrl = process.env.WAQTOR_API_URL ?? "http://localhost:8080",
    apiKey = process.env.WAQTOR_API_KEY,
    session,
    cursor = new MemoryCursor(),
    timeoutMs = 30_000,
    retries = 3,
    fetch = globalThis.fetch,
    WebSocket = undefined,
    onError = (error) => console.error(error),
  } = {}) {
    const url = baseOf(apiUrl);
    Object.assign(this, { url, cursor, WebSocket, onError });
    this.http = new Http({ url, apiKey, session, timeoutMs, retries, fetch });
    for (const [resource, operations] of Object.entries(OPERATIONS)) {
      this[resource] = Object.fromEntries(
        Object.entries(operations).map(([name, operation]) => [name, this.#method(operation)]),
      );
    }
  }

  /**
   * Call `handler(data, event)` for a type (`message.received`), a prefix (`message.*`), a topic (`messages`),
   * `*`, or what the client says itself: `connected`, `disconnected`, `gap`. Returns a function that ends it.
   */
  on(pattern, handler) {
    const entry = { pattern, handler };
    this.#handlers.push(entry);
    this.#stream?.refresh();
    return () => {
      this.#handlers = this.#handlers.filter((each) => each !== entry);
    };
  }

  /** Connect and listen; resolves when the client is closed, rejects when the server refuses for good. */
  listen() {
    this.#running ??= this.#listen();
    return this.#running;
  }

  /** Stop listening; resolves when the handler at work is done. */
  async close() {
    await this.#stream?.close();
    await this.#running?.catch(() => {});
  }

  async #listen() {
    this.#stream = new EventStream({
      url: this.url.replace(/^http/, "ws"),
      headers: this.http.apiKey ? { "X-API-Key": this.http.apiKey } : {},
      check: () => this.http.call(OPERATIONS.keys.whoami, []),
      names: () => this.#names(),
      deliver: (frame) => this.#deliver(frame),
      cursor: this.cursor,
      WebSocket: await this.#implementation(),
    });
    await this.#stream.run();
  }

  async #implementation() {
    if (this.WebSocket ?? globalThis.WebSocket) return this.WebSocket ?? globalThis.WebSocket;
    try {
      return (await import("ws")).WebSocket;
    } catch (cause) {
      const message = "This Node has no WebSocket of its own (22 and newer have). Type: npm install ws";
      throw new WaqtorError(message, { code: "configuration", cause });
    }
  }

  #names() {
    const names = [...new Set(this.#handlers.map(({ pattern }) => pattern))].filter((name) => !LOCAL.has(name));
    return names.includes("*") || names.includes("all") ? ["all"] : names.sort();
  }

  async #deliver(frame) {
    for (const { pattern, handler } of this.#handlers.filter((entry) => matches(entry.pattern, frame))) {
      try {
        await handler(frame.data ?? {}, frame);
      } catch (error) {
        this.onError(error, { pattern, frame });
      }
    }
  }

  #method(operation) {
    const input = operation.body === "raw" ? 2 : 1;
    return (...args) => this.http.call(operation, args.slice(0, input), args[input]);
  }
}

function matches(pattern, { type, topic }) {
  if (LOCAL.has(type)) return pattern === type;
  if (pattern === "*" || pattern === "all" || pattern === type || pattern === topic) return true;
  return pattern.endsWith(".*") && type.startsWith(pattern.slice(0, -1));
}

function baseOf(text) {
  let url;
  try {
    url = new URL(text);
  } catch {
    url = undefined;
  }
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new WaqtorError(`Not an http:// or https:// address: ${text}`, { code: "configuration" });
  }
  return (url.origin + url.pathname).replace(/\/+$/, "").replace(/\/api(\/v1)?$/, "");
}
