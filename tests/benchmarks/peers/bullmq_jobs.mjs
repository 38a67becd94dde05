// A campaign the usual way in Node: one BullMQ job a recipient on Redis, a worker that sends each through the simulator.
// Its line: REDIS_SOCKET SIMULATOR_SOCKET RECIPIENTS CONCURRENCY; prints one JSON object. Receipts are acknowledged and
// dropped: nothing is journaled, logged or counted per recipient.
import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';
import { Queue, Worker } from 'bullmq';

const [redis, simulator, total, concurrency] = [process.argv[2], process.argv[3], +process.argv[4], +process.argv[5]];
const connection = { path: redis, maxRetriesPerRequest: null };

const socket = createConnection(simulator);
const waiting = new Map();
let ready;
const connected = new Promise((resolve) => { ready = resolve; });
createInterface({ input: socket }).on('line', (line) => {
  const frame = JSON.parse(line);
  if (frame.op === 'accepted') {
    for (const [id, provider] of frame.items) { waiting.get(id)?.[0](provider); waiting.delete(id); }
  } else if (frame.op === 'refused') {
    waiting.get(frame.id)?.[1](new Error(frame.code)); waiting.delete(frame.id);
  } else if (frame.op === 'receipts') {
    socket.write(JSON.stringify({ op: 'ack', messages: [], receipts: frame.items.map((item) => item[0]) }) + '\n');
  } else if (frame.op === 'state' && frame.status === 'ready') ready();
});
socket.write(JSON.stringify({ op: 'hello', id: 1, role: 'transport', session: 'default' }) + '\n');
await connected;

let last = 1;
let out = [];
function send(message) {
  const id = ++last;
  if (out.push(JSON.stringify({ op: 'send', id, ...message })) === 1) {
    setImmediate(() => { socket.write(out.join('\n') + '\n'); out = []; }); // one write a turn, as the engine does
  }
  return new Promise((resolve, reject) => waiting.set(id, [resolve, reject]));
}

const queue = new Queue('campaign', { connection });
const started = performance.now();
let done = 0;
let finish;
const finished = new Promise((resolve) => { finish = resolve; });
const worker = new Worker('campaign', async (job) => {
  const { to, name } = job.data;
  return send({ message_id: `bull-${job.id}`, to, content: { type: 'text', body: `Hello ${name}` } });
}, { connection, concurrency });
worker.on('completed', () => { if (++done === total) finish(); });
worker.on('failed', (job, error) => { console.error(String(error)); process.exit(1); });
for (let i = 0; i < total; i += 1000) {
  const jobs = [];
  for (let n = i; n < Math.min(total, i + 1000); n += 1) {
    jobs.push({ name: 'send', data: { to: `96650${String(n).padStart(7, '0')}`, name: `N${n}` } });
  }
  await queue.addBulk(jobs);
}
const queued = performance.now();
await finished;
console.log(JSON.stringify({
  rate: total / ((performance.now() - started) / 1000), queue_s: (queued - started) / 1000,
}));
await worker.close();
await queue.close();
socket.end();
