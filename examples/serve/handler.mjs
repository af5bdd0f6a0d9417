// A program for `queueworker --serve "node handler.mjs"` (Node 18 or newer, no packages). docs/serve.md explains the lines.
import { createInterface } from 'node:readline/promises'

async function handle(order, { extend }) {
  if (order.customer === 'nobody') return { reject: 'no such customer' } // to the dead-letter queue
  if (order.early) return { retry: 60 } // shown again in a minute
  if (order.large && !(await extend(600))) return { failure: 'another worker may have the message by now' }
  console.error(`handled ${order.id}`) // standard error is the worker's log; console.log would be taken for an answer
  return { success: true }
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const write = line => process.stdout.write(JSON.stringify(line) + '\n')
const read = async () => {
  const { value, done } = await lines.next()
  if (done) process.exit() // the worker ends
  return JSON.parse(value)
}

write({ ready: true })
for (;;) {
  const { id, body } = await read()
  const extend = async seconds => {
    write({ id, extend: seconds })
    return (await read()).extended
  }
  try {
    write({ id, ...(await handle(JSON.parse(body), { extend })) })
  } catch (error) {
    write({ id, failure: String(error) })
  }
}
