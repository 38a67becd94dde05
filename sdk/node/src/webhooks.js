import { createHmac, timingSafeEqual } from "node:crypto";
import { WaqtorError } from "./errors.js";

/** The webhook is not from whom it says, was changed, or is too old: answer 401 and do nothing. */
export class WebhookRefused extends WaqtorError {
  constructor(message) {
    super(message, { code: "webhook.refused", status: 401 });
    this.name = "WebhookRefused";
  }
}

/**
 * Check a webhook's signature and return what it says.
 *
 * Standard Webhooks headers are used when they are there (they also cover id and time); else X-Waqtor-Signature,
 * which covers the body alone. During a rotation give both secrets. `body` is the raw body, exactly as received.
 */
export function verify(secret, headers, body, { tolerance = 300, now = Date.now() / 1000 } = {}) {
  const secrets = Array.isArray(secret) ? secret : [secret];
  if (secrets.length === 0 || secrets.some((text) => !text)) throw new TypeError("A webhook secret must not be empty.");
  const raw = typeof body === "string" ? Buffer.from(body) : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const given = lowered(headers);
  const standard = Object.keys(given).some((name) => name.startsWith("webhook-")) || !("x-waqtor-signature" in given);
  const id = standard ? checkStandard(secrets, given, raw, tolerance, now) : checkOlder(secrets, given, raw);
  if (raw.length === 0) return { id, event: "", data: null, timestamp: "" };
  let value;
  try {
    value = JSON.parse(raw.toString("utf8"));
  } catch {
    throw new WebhookRefused("The signature fits, but the body is not JSON.");
  }
  return { id, event: String(value?.event ?? ""), data: value?.data, timestamp: String(value?.timestamp ?? "") };
}

function checkStandard(secrets, given, raw, tolerance, now) {
  const [id, stamp, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) => given[name]);
  if (!id || !stamp || !signatures) throw new WebhookRefused("A webhook- header is missing.");
  if (!/^\d+$/.test(stamp)) throw new WebhookRefused("The webhook-timestamp is not a time.");
  if (Math.abs(now - Number(stamp)) > tolerance) {
    throw new WebhookRefused("The webhook's time is off: too old, too new, or this machine's clock is wrong.");
  }
  const wanted = secrets.map((secret) => {
    const hmac = createHmac("sha256", keyOf(secret)).update(`${id}.${stamp}.`).update(raw);
    return `v1,${hmac.digest("base64")}`;
  });
  if (signatures.split(" ").some((entry) => wanted.some((good) => same(entry, good)))) return id;
  throw new WebhookRefused("No signature fits.");
}

function checkOlder(secrets, given, raw) {
  const wanted = secrets.map((secret) => `sha256=${createHmac("sha256", secret).update(raw).digest("hex")}`);
  for (const name of ["x-waqtor-signature", "x-waqtor-signature-previous"]) {
    if (wanted.some((good) => same(given[name] ?? "", good))) return "";
  }
  throw new WebhookRefused("No signature fits.");
}

/** `whsec_` and base64, as Standard Webhooks has it; another secret is a key by its own characters. */
function keyOf(secret) {
  const text = secret.startsWith("whsec_") ? secret.slice(6) : secret;
  const key = /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? Buffer.from(text, "base64") : Buffer.alloc(0);
  if (secret.startsWith("whsec_")) {
    if (key.length === 0) throw new TypeError("After whsec_ a webhook secret is base64.");
    return key;
  }
  return key.length >= 16 && text.replace(/=+$/, "").length % 4 !== 1 ? key : Buffer.from(secret);
}

function same(left, right) {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function lowered(headers) {
  const entries = typeof headers.entries === "function" ? [...headers.entries()] : Object.entries(headers);
  return Object.fromEntries(
    entries.map(([name, value]) => [name.toLowerCase(), Array.isArray(value) ? value.join(",") : String(value ?? "")]),
  );
}
