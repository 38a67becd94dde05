// Answers "ping" with "pong". Run beside `waqtor up`:  WAQTOR_API_KEY=… node basic-bot.mjs
import { FileCursor, WaqtorClient } from "waqtor";

const client = new WaqtorClient({ cursor: new FileCursor(process.env.CURSOR ?? "basic-bot.cursor") });

client.on("message.received", async (message, event) => {
  if (message.body !== "ping") return;
  // The key is made from the cause: should this handler run again after a crash, nothing is sent twice.
  await client.messages.sendText({ to: message.from, text: "pong" }, { idempotencyKey: `pong:${event.id}` });
});
client.on("connected", () => console.log("listening"));

for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => client.close());
await client.listen();
