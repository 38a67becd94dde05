// A webhook receiver on plain Node: WEBHOOK_SECRET=whsec_… PORT=8000 node node_receiver.mjs
import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'

const secret = process.env.WEBHOOK_SECRET
const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
const seen = new Set() // in a real receiver: a table with a unique column

function same(left, right) {
  const a = Buffer.from(left), b = Buffer.from(right)
  return a.length === b.length && timingSafeEqual(a, b)
}

function genuine(headers, body) {
  const id = headers['webhook-id'], stamp = headers['webhook-timestamp']
  if (!id || !stamp || !(Math.abs(Date.now() / 1000 - Number(stamp)) < 300)) return false
  const wanted = 'v1,' + createHmac('sha256', key).update(`${id}.${stamp}.`).update(body).digest('base64')
  return (headers['webhook-signature'] ?? '').split(' ').some(signature => same(signature, wanted))
}

const server = createServer((request, response) => {
  const parts = []
  request.on('data', part => parts.push(part))
  request.on('end', () => {
    const body = Buffer.concat(parts)
    if (!genuine(request.headers, body)) return response.writeHead(401).end()
    const id = request.headers['webhook-id']
    if (seen.has(id)) return response.writeHead(200).end()
    seen.add(id)
    const { event, data } = JSON.parse(body)
    console.log(event, JSON.stringify(data))
    response.writeHead(204).end()
  })
})
server.listen(process.env.PORT ?? 8000, '127.0.0.1', () => console.log(`listening on ${server.address().port}`))
