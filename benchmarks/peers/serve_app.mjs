// Answers each message of `queueworker --serve` at once.
import { createInterface } from 'node:readline'

console.log('{"ready": true}')
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify({ id: JSON.parse(line).id, success: true }))
}
