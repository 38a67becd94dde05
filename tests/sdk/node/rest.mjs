// REST against a real server; prints one JSON object.
import { WaqtorClient, WaqtorError } from "../../../sdk/node/src/index.js";

const client = new WaqtorClient({ retries: 1 });
const options = { idempotencyKey: "once" };
const first = await client.messages.sendText({ to: "+966 50 123 4567", text: "مرحبا 🙂" }, options);
const second = await client.messages.sendText({ to: "+966501234567", text: "مرحبا 🙂" }, options);
const conflict = await client.messages.sendText({ to: "+966501234567", text: "other" }, options).catch((e) => e);
const seen = await client.messages.get({ message_id: first.message_id });
const page = await client.chats.listMessages({ chat_id: "966501234567", limit: 5 });
const trace = await client.smartbot.testMessage({ text: "opening hours" });
const rows = await client.analytics.query({ sql: "SELECT 1 AS n" });
const upload = await client.audiences.upload("phone,name\n966501234567,سارة\n", { filename: "قائمة.csv" });
const named = new WaqtorClient({ session: "default" });
const spec = { name: "Sale", recipients: ["+966501234567"], template: "Hello" };
const draft = await named.campaigns.create(spec, { idempotencyKey: "sale" });
const again = await named.campaigns.create(spec, { idempotencyKey: "sale" });
const rehearsal = await named.campaigns.dryRun({ campaign_id: draft.id });
const cancelled = await named.campaigns.cancel({ campaign_id: draft.id, reason: "only a test" });
const wrong = await client.messages.sendText({ to: "x", text: "" }).catch((e) => e);
const unknown = await client.messages.get({ message_id: "nothing" }).catch((e) => e);
const missing = await client.messages.get({}).catch((e) => e);
const stray = await client.chats.list({ colour: "red" }).catch((e) => e);
const locked = await new WaqtorClient({ apiKey: "wrong" }).chats.list().catch((e) => e);
const nobody = await new WaqtorClient({ apiUrl: "http://127.0.0.1:9999", retries: 0 }).chats.list().catch((e) => e);
console.log(
  JSON.stringify({
    same: first.message_id === second.message_id,
    body: seen.body,
    count: page.items?.length ?? page.messages?.length,
    decision: trace.decision,
    rows: rows.rows,
    campaign: [draft.id === again.id, draft.session, rehearsal.ready, cancelled.status],
    upload: Object.keys(upload).length > 0,
    metrics: (await client.system.prometheus()).includes("# HELP"),
    errors: [conflict, wrong, unknown, missing, stray, locked, nobody].map((e) => [e instanceof WaqtorError, e.code]),
    issues: wrong.details.issues?.length > 0,
    hint: nobody.message,
  }),
);
