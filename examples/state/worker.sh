#!/usr/bin/env bash
# A worker in shell that reports how busy it is, so that scale-in can spare it. Needs bash, curl (7.75 or newer), jq, socat.
#   QUEUE_URL=https://sqs.eu-west-1.amazonaws.com/123456789012/jobs worker.sh COMMAND
# COMMAND gets each message's body on standard input; the message is deleted when it exits with 0. AWS_REGION, AWS_ACCESS_KEY_ID,
# AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_ENDPOINT_URL_SQS have their usual meaning.
set -euo pipefail

# The contract, all of it: GET /state on port 8081 answers {"busy": …}; concurrency (1 without it) and pod are optional.
state=$(mktemp -d)
report() { # BUSY
  printf 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"busy": %d}' "$1" >"$state/next"
  mv "$state/next" "$state/now"
}
report 0
host=${STATE_HOST:-} kind=TCP4-LISTEN
if [[ -z $host && -e /proc/net/if_inet6 ]]; then # all addresses, of IPv6 too
  host=[::],ipv6only=0 kind=TCP6-LISTEN
elif [[ $host == *:* ]]; then
  host=[$host] kind=TCP6-LISTEN
fi
socat "$kind:${STATE_PORT:-8081},bind=${host:-0.0.0.0},reuseaddr,fork" "SYSTEM:cat $state/now" &
server=$!

# After SIGTERM the worker finishes what it holds, and receives nothing more.
ending=
trap 'ending=yes' TERM INT
trap 'kill $server; rm -r "$state"' EXIT

send() { # ACTION JSON
  curl --silent --show-error --fail --max-time 30 "${AWS_ENDPOINT_URL_SQS:-https://sqs.$AWS_REGION.amazonaws.com}/" \
    --aws-sigv4 "aws:amz:$AWS_REGION:sqs" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \
    --header "X-Amz-Security-Token: ${AWS_SESSION_TOKEN:-}" --header "X-Amz-Target: AmazonSQS.$1" \
    --header "Content-Type: application/x-amz-json-1.0" --data "$2"
}

while [[ -z $ending ]]; do
  request=$(jq -n --arg url "$QUEUE_URL" '{QueueUrl: $url, MaxNumberOfMessages: 1, WaitTimeSeconds: 10}')
  message=$(send ReceiveMessage "$request" | jq '.Messages[0] // empty') || { sleep 1; continue; }
  [[ -n $message ]] || continue
  report 1
  if jq -r .Body <<<"$message" | "$@"; then
    send DeleteMessage "$(jq --arg url "$QUEUE_URL" '{QueueUrl: $url, ReceiptHandle}' <<<"$message")" >/dev/null || true
  fi
  report 0
done
