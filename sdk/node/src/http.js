import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { RETRY_STATUSES, WaqtorError, errorOf, retryAfter } from "./errors.js";

const LONGEST_RETRY_AFTER_S = 60;

/** Carries out operations over HTTP; repeats what is safe to repeat. */
export class Http {
  constructor({ url, apiKey, session, timeoutMs, retries, fetch }) {
    Object.assign(this, { url, apiKey, session, timeoutMs, retries, fetch });
  }

  /**
   * Carry out one operation of the table. Fields that are named in its path or query go there, the rest is the body.
   */
  async call(operation, args, options = {}) {
    const [content, input] = operation.body === "raw" ? [args[0], args[1] ?? {}] : [undefined, args[0] ?? {}];
    const { target, rest } = this.#target(operation, input);
    const headers = { ...(this.apiKey ? { "X-API-Key": this.apiKey } : {}), ...options.headers };
    let body = content;
    if (operation.body === "json") {
      headers["Content-Type"] = "application/json";
      body = JSON.stringify(rest);
    } else if (Object.keys(rest).length > 0) {
      throw new WaqtorError(`Unknown fields: ${Object.keys(rest).join(", ")}.`, { code: "invalid_input" });
    }
    if (options.ifMatch !== undefined) headers["If-Match"] = `"${options.ifMatch}"`;
    // One key for all attempts: the server carries the call out once.
    if (operation.keyed) headers["Idempotency-Key"] = options.idempotencyKey ?? randomUUID();
    const repeatable = operation.keyed === true || operation.method === "GET";
    return this.#attempts({ method: operation.method, target, headers, body }, operation, repeatable, options.signal);
  }

  #target(operation, input) {
    const rest = { ...input };
    const path = operation.path.replace(/\{(\w+)\}/g, (_, name) => {
      const value = rest[name];
      if (value === undefined || value === null || value === "") {
        throw new WaqtorError(`${name} is missing.`, { code: "invalid_input" });
      }
      delete rest[name];
      return encodeURIComponent(String(value));
    });
    const query = new URLSearchParams();
    for (const name of operation.query ?? []) {
      const value = rest[name] ?? (name === "session" ? this.session : undefined);
      delete rest[name];
      if (value !== undefined && value !== null) query.set(name, String(value));
    }
    if (operation.session && this.session !== undefined) rest.session ??= this.session;
    const text = query.toString();
    return { target: this.url + path + (text ? `?${text}` : ""), rest };
  }

  async #attempts(request, operation, repeatable, signal) {
    for (let attempt = 1; ; attempt++) {
      let wait;
      try {
        const response = await this.#send(request, signal);
        if (response.ok) return await this.#result(response, operation);
        const error = errorOf(response.status, await jsonOf(response), response.headers);
        wait = repeatable && RETRY_STATUSES.has(response.status) ? waitFor(response.headers, attempt) : undefined;
        if (wait === undefined || attempt > this.retries) throw error;
      } catch (failure) {
        if (failure instanceof WaqtorError || signal?.aborted) throw failure;
        const refused = failure?.cause?.code === "ECONNREFUSED";
        if (attempt > this.retries || !(refused || repeatable)) throw this.#failed(failure);
        wait = backoff(attempt);
      }
      await sleep(wait * 1000, undefined, { signal });
    }
  }

  #send({ method, target, headers, body }, signal) {
    const timeout = AbortSignal.timeout(this.timeoutMs);
    return this.fetch(target, { method, headers, body, redirect: "error", signal: either(timeout, signal) });
  }

  async #result(response, operation) {
    if (operation.text) return response.text();
    const value = await jsonOf(response);
    if (value === undefined) {
      throw new WaqtorError("The answer is no JSON: is this address a WaQtor server?", { status: response.status });
    }
    return value;
  }

  #failed(failure) {
    if (failure?.name === "TimeoutError") {
      return new WaqtorError(`No answer from ${this.url} in time.`, { code: "timeout", cause: failure });
    }
    const hint = failure?.cause?.code === "ECONNREFUSED" ? "Is WaQtor running? Start it with: waqtor up" : "";
    return new WaqtorError(`No answer from ${this.url}. ${hint}`.trim(), { code: "unavailable", cause: failure });
  }
}

function waitFor(headers, attempt) {
  const asked = retryAfter(headers);
  if (asked === undefined) return backoff(attempt);
  return asked <= LONGEST_RETRY_AFTER_S ? asked : undefined;
}

/** Seconds: 0.25 doubling to 10, ± 20 %. */
function backoff(attempt) {
  return Math.min(10, 0.25 * 2 ** (attempt - 1)) * (0.8 + 0.4 * Math.random());
}

function either(first, second) {
  if (second === undefined) return first;
  const both = new AbortController();
  for (const signal of [first, second]) {
    if (signal.aborted) both.abort(signal.reason);
    signal.addEventListener("abort", () => both.abort(signal.reason), { once: true });
  }
  return both.signal;
}

async function jsonOf(response) {
  try {
    return await response.json();
  } catch (failure) {
    if (failure instanceof SyntaxError) return undefined;
    throw failure;
  }
}
