// A hub on Node's ws, written the usual way: one JSON.stringify and one bufferedAmount check per client and event.
import { createInterface } from 'node:readline';
import { WebSocketServer } from 'ws';

const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
server.on('connection', (socket) => {
  socket.topics = new Set();
  socket.on('message', (text) => {
    const frame = JSON.parse(text);
    if (frame.type === 'subscribe') frame.topics.forEach((topic) => socket.topics.add(topic));
  });
});
server.on('listening', () => console.log(`port ${server.address().port}`));

let offset = 0;
function broadcast() {
  offset += 1;
  const now = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000));
  const event = {
    type: 'smartbot.rule-updated', topic: 'smartbot', session: 'default',
    data: { rule_id: `r${String(offset).padStart(6, '0')}`, change: 'changed', revision: String(now).padStart(20, '0') },
    timestamp: Date.now(), id: '01KDVC9V800000000000000000', offset, version: 1,
  };
  for (const client of server.clients) {
    if (client.readyState === 1 && client.topics.has(event.type) && client.bufferedAmount < 524288) {
      client.send(JSON.stringify(event));
    }
  }
}

createInterface({ input: process.stdin }).on('line', async (line) => {
  const [count, burst, every] = line.split(' ').map(Number);
  let due = performance.now();
  for (let sent = 0; sent < count; sent += burst) {
    for (let n = 0; n < burst; n += 1) broadcast();
    due += every;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
  }
  console.log('done');
});
