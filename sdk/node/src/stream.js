import { WaqtorError } from "./errors.js";

const RECONNECT = new Set([1001, 1006, 1011, 1012, 1013, 3008, 3010]);
const RATE_PAUSE_MS = 30_000;
const PING_MS = 300_000;

/** Events that the client itself makes; they are not subscribed. */
export const LOCAL = new Set(["connected", "disconnected", "gap"]);

/**
 * One socket kept open: subscribes, recovers what was missed, and hands events on in order, one at a time.
 * The cursor moves when the handlers of an event are done.
 */
export class EventStream {
  #queue = Promise.resolve();
  #request = "";
  #requests = 0;
  #inStep = false;
  #epoch = "";
  #seen;
  #socket;
  #closed = false;
  #fatal;
  #timers = new Set();

  constructor({ url, headers, check, names, deliver, cursor, WebSocket, delay = reconnectDelay }) {
    Object.assign(this, { url, headers, check, names, deliver, cursor, WebSocket, delay });
    this.#seen = cursor.load();
  }

  /** Runs until closed, or refused for good; then it rejects. */
  async run() {
    for (let attempt = 0; !this.#closed; attempt++) {
      const ending = await this.#connection();
      if (ending.welcomed) attempt = 0;
      const last = this.#closed || ending.done || ending.error !== undefined;
      if (ending.welcomed || last) {
        this.#put({ type: "disconnected", data: { code: ending.code, reason: ending.reason, reconnect: !last } });
      }
      if (last) {
        await this.#queue;
        if (ending.error !== undefined && !this.#closed) throw ending.error;
        return;
      }
      await this.#pause(Math.max(this.delay(attempt), ending.waitMs ?? 0));
    }
  }

  /** Close the socket; resolves when the handler at work is done. */
  async close() {
    this.#closed = true;
    for (const end of this.#timers) end();
    this.#socket?.close(1000);
    await this.#queue;
  }

  /** Subscribe what was registered since. */
  refresh() {
    if (this.#request) this.#subscribe();
  }

  async #connection() {
    try {
      await this.check(); // a refused upgrade does not say why: asked over HTTP, the server does
    } catch (error) {
      const final = [401, 403, 404].includes(error.status);
      return { code: error.status, reason: error.message, waitMs: 1000, error: final ? error : undefined };
    }
    if (this.#closed) return { done: true };
    return new Promise((resolve) => {
      const socket = new this.WebSocket(`${this.url}/ws?batch=1`, { headers: this.headers });
      let welcomed = false;
      this.#socket = socket;
      this.#request = "";
      this.#inStep = false;
      this.#fatal = undefined;
      const ping = setInterval(() => socket.readyState === 1 && socket.send('{"type":"ping"}'), PING_MS);
      ping.unref?.();
      socket.onmessage = ({ data }) => {
        try {
          const frame = JSON.parse(data);
          welcomed ||= frame.type === "welcome";
          this.#frame(frame);
        } catch {
          this.#fatal = { code: 1006, reason: "malformed frame", done: false }; // come back and recover
          socket.close(1000);
        }
      };
      socket.onerror = () => {};
      socket.onclose = ({ code, reason }) => {
        clearInterval(ping);
        this.#socket = undefined;
        this.#request = "";
        resolve({ welcomed, ...endingOf(code, String(reason ?? ""), this.#closed), ...this.#fatal });
      };
    });
  }

  #frame(frame) {
    const data = frame.data ?? {};
    switch (frame.type) {
      case "batch":
        for (const each of data.frames) this.#event(each);
        break;
      case "welcome":
        this.#epoch = String(data.epoch ?? "");
        this.#subscribe();
        break;
      case "subscribed":
        if (frame.id === this.#request) this.#subscribed(data);
        break;
      case "recovered":
        if (frame.id === this.#request) {
          this.#advance({ epoch: this.#epoch, offset: data.offset });
          if (data.more) this.#subscribe();
        }
        break;
      case "gap":
        if (data.recoverable && this.#inStep) this.#subscribe();
        break;
      case "pong":
        if (this.#inStep && data.epoch === this.#epoch && this.#seen && data.offset > this.#seen.offset) {
          this.#advance({ epoch: this.#epoch, offset: data.offset });
        }
        break;
      case "rate_limit_exceeded":
      case "rate_limit_warning":
        if (data.refused?.type === "subscribe" && data.refused.id === this.#request) {
          const socket = this.#socket;
          this.#pause(Math.min(30_000, data.retry_after ?? 1000) + 50).then(() => {
            if (this.#socket === socket) this.#subscribe();
          });
        }
        break;
      case "error":
        if (frame.id !== undefined && frame.id === this.#request) {
          const error = new WaqtorError(`The subscription was refused: ${frame.message ?? frame.error?.code}`, {
            code: frame.error?.code,
          });
          this.#fatal = { error };
          this.#socket?.close(1000);
        }
        break;
      default:
        if (typeof frame.topic === "string") this.#event(frame);
    }
  }

  #event(frame) {
    if (frame.snapshot && frame.type !== "session.qr") return;
    if (!frame.offset) {
      this.#put(frame);
    } else if (this.#inStep && (!this.#seen || frame.offset > this.#seen.offset)) {
      this.#seen = { epoch: this.#epoch, offset: frame.offset };
      this.#put(frame, this.#seen);
    }
  }

  /** Ask for everything, from where we are; until the answer, journaled events are not in step. */
  #subscribe() {
    if (this.#socket === undefined) return;
    this.#request = `sub-${++this.#requests}`;
    this.#inStep = false;
    const frame = { type: "subscribe", topics: this.names(), id: this.#request };
    if (this.#seen) frame.since = this.#seen;
    this.#socket.send(JSON.stringify(frame));
  }

  #subscribed(data) {
    if (data.recovered !== true) {
      const place = { epoch: String(data.epoch), offset: data.offset };
      if (data.recovered === false && this.#seen) {
        const lost = { reason: String(data.reason ?? ""), after: this.#seen.offset, until: place.offset };
        this.#put({ type: "gap", data: { ...lost, epoch: place.epoch } });
      }
      this.#advance(place);
    }
    this.#inStep = true;
    const { epoch, offset, topics, refused } = data;
    this.#put({ type: "connected", data: { epoch, offset, topics, refused } });
  }

  #advance(place) {
    this.#seen = place;
    this.#put(undefined, place);
  }

  #put(event, place) {
    this.#queue = this.#queue.then(async () => {
      // What still waits when the client closes comes again after a restart: its place is not saved.
      if (this.#closed && event?.type !== "disconnected") return;
      if (event !== undefined) await this.deliver(event);
      if (place !== undefined) this.cursor.save(place);
    });
  }

  #pause(ms) {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#timers.delete(end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.#timers.add(end);
    });
  }
}

/** Milliseconds before attempt n: random between 0.5 s and min(30 s, 1 s · 2^n). */
export function reconnectDelay(attempt) {
  const most = Math.max(0.5, Math.min(30, 2 ** Math.min(attempt, 16)));
  return (0.5 + Math.random() * (most - 0.5)) * 1000;
}

/** What a close code means (docs/protocol.md): come back, wait, or give up. */
export function endingOf(given, reason, asked) {
  const code = given === undefined || given === 1005 ? 1006 : given;
  if (asked) return { code, reason, done: true };
  if (RECONNECT.has(code) || (code >= 3000 && code <= 3499) || (code >= 4000 && code <= 4499)) return { code, reason };
  if (code === 1000) return { code, reason, done: true };
  if (code === 1008 && reason.toLowerCase().includes("rate")) return { code, reason, waitMs: RATE_PAUSE_MS };
  const kind = code === 1008 ? "unauthorized" : "error";
  return { code, reason, error: new WaqtorError(reason || `The server closed with ${code}.`, { code: kind }) };
}
