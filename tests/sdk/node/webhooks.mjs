// Reads [secret, headers, body, now] lines and answers what verify says of each.
import { createInterface } from "node:readline";
import { verify } from "../../../sdk/node/src/webhooks.js";

for await (const line of createInterface({ input: process.stdin })) {
  const [secret, headers, body, now] = JSON.parse(line);
  let said;
  try {
    said = verify(secret, headers, Buffer.from(body, "base64"), { now });
  } catch (error) {
    said = error.code ?? error.name;
  }
  console.log(JSON.stringify(said));
}
