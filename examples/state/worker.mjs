// A worker in Node (18 or newer, no packages) that reports how busy it is, so that scale-in can spare it.
//   QUEUE_URL=https://sqs.eu-west-1.amazonaws.com/123456789012/jobs node worker.mjs ./handler.mjs
// The module exports `handle(body)`; the message is deleted when it returns. AWS_REGION, AWS_ACCESS_KEY_ID,
// AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_ENDPOINT_URL_SQS have their usual meaning.
import { createHash, createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const { env } = process
const concurrency = Number(env.CONCURRENCY ?? 1)
const { handle } = await import(pathToFileURL(resolve(process.argv[2])))
let busy = 0
let ending = false

// The contract, all of it: GET /state on port 8081 answers {"busy": …}; concurrency and pod are optional.
const state = createServer((_, answer) => answer.end(JSON.stringify({ busy, concurrency, pod: env.HOSTNAME })))
state.listen(Number(env.STATE_PORT ?? 8081), env.STATE_HOST) // by default all addresses, of IPv6 too

// After SIGTERM the worker finishes what it holds, and receives nothing more.
process.on('SIGTERM', () => { ending = true })

async function receiveLoop() {
  while (!ending) {
    try {
      const request = { QueueUrl: env.QUEUE_URL, MaxNumberOfMessages: 1, WaitTimeSeconds: 10 }
      const [message] = (await send('ReceiveMessage', request)).Messages ?? []
      if (message) await work(message)
    } catch (error) {
      console.error(error.message)
      await new Promise(wake => setTimeout(wake, 1000))
    }
  }
}

async function work(message) {
  busy += 1
  try {
    await handle(message.Body)
    await send('DeleteMessage', { QueueUrl: env.QUEUE_URL, ReceiptHandle: message.ReceiptHandle })
  } finally {
    busy -= 1
  }
}

// AWS's SDK does the same and more; this is here so that the example needs nothing but Node.
async function send(action, parameters) {
  const url = new URL(env.AWS_ENDPOINT_URL_SQS ?? `https://sqs.${env.AWS_REGION}.amazonaws.com`)
  const body = JSON.stringify(parameters)
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '')
  const headers = { host: url.host, 'x-amz-date': time, 'x-amz-target': `AmazonSQS.${action}` }
  if (env.AWS_SESSION_TOKEN) headers['x-amz-security-token'] = env.AWS_SESSION_TOKEN
  const names = Object.keys(headers).sort()
  const listed = names.map(name => `${name}:${headers[name]}\n`).join('')
  const request = ['POST', '/', '', listed, names.join(';'), sha256(body)].join('\n')
  const scope = [time.slice(0, 8), env.AWS_REGION, 'sqs', 'aws4_request']
  const key = scope.reduce(hmac, `AWS4${env.AWS_SECRET_ACCESS_KEY}`)
  const signature = hmac(key, ['AWS4-HMAC-SHA256', time, scope.join('/'), sha256(request)].join('\n')).toString('hex')
  const credential = `${env.AWS_ACCESS_KEY_ID}/${scope.join('/')}`
  headers.authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names.join(';')}, Signature=${signature}`
  headers['content-type'] = 'application/x-amz-json-1.0'
  const answer = await fetch(url, { method: 'POST', headers, body })
  if (!answer.ok) throw new Error(`${action}: status ${answer.status}`)
  return answer.status === 200 ? JSON.parse((await answer.text()) || '{}') : {}
}

function sha256(text) {
  return createHash('sha256').update(text).digest('hex')
}

function hmac(key, text) {
  return createHmac('sha256', key).update(text).digest()
}

await Promise.all(Array.from({ length: concurrency }, receiveLoop))
state.close()
