// The plain dispatcher that most gateways have: one POST after another, each awaited, over a kept connection.
import { createHmac } from 'node:crypto'
import { Agent, request } from 'node:http'

const [sink, deliveries] = [new URL(process.argv[2]), Number(process.argv[3])]
const agent = new Agent({ keepAlive: true })

function post(number) {
  const data = { messageId: `01BENCH${String(number).padStart(19, '0')}`, status: 'sent', timestamp: '2026-01-01T09:00:00.000Z',
    to: `9665${String(number % 512).padStart(8, '0')}@c.us`, session: 'default' }
  const body = JSON.stringify({ event: 'message_sent', timestamp: new Date().toISOString(), data })
  const headers = {
    'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body), 'X-Event': 'message_sent',
    'X-Signature': 'sha256=' + createHmac('sha256', 'secret').update(body).digest('hex'), 'webhook-id': String(number),
  }
  return new Promise((resolve, reject) => {
    const sent = request(sink, { method: 'POST', headers, agent }, (answer) => {
      answer.resume()
      answer.on('end', () => (answer.statusCode < 300 ? resolve() : reject(new Error(`answered ${answer.statusCode}`))))
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

const began = process.hrtime.bigint()
const before = process.cpuUsage()
for (let number = 0; number < deliveries; number++) await post(number)
const used = process.cpuUsage(before)
console.log(JSON.stringify({ seconds: Number(process.hrtime.bigint() - began) / 1e9, cpu: (used.user + used.system) / 1e6 }))
agent.destroy()
