// Writes every event of a real server as a line; told to stop by SIGTERM. Node 22 brings a WebSocket, Debian's node-ws another.
import { createRequire } from "node:module";
import { FileCursor, WaqtorClient } from "../../../sdk/node/src/index.js";

const WebSocket = globalThis.WebSocket ?? createRequire(import.meta.url)("/usr/share/nodejs/ws").WebSocket;
const client = new WaqtorClient({ cursor: new FileCursor(process.env.CURSOR), WebSocket });
const say = (kind, value) => process.stdout.write(`${JSON.stringify([kind, value])}\n`);

client.on("message.received", (data, event) => {
  say("event", [event.offset, data.body]);
  if (data.body === "boom") throw new Error("boom");
});
for (const own of ["connected", "disconnected", "gap"]) client.on(own, (data) => say(own, data));
process.on("SIGTERM", () => client.close());
client.onError = (error) => say("failed", error.message);
await client.listen().catch((error) => say("refused", error.code));
say("end", null);
