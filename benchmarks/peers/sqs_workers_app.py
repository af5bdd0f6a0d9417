"""sqs-workers (Doist). A process handles its messages one after the other, ten per request: that is its design."""

from sqs_workers import RawQueue, SQSEnv  # type: ignore[import-not-found]  # lives in the peers' own environment

from benchmarks.peers.work import QUEUE, QUEUE_URL, work


def main() -> None:
    """Consume forever."""
    queue = SQSEnv().queue(QUEUE, RawQueue, queue_url=QUEUE_URL)
    queue.connect_raw_processor(lambda _message: work())
    queue.process_queue(wait_second=20)


if __name__ == "__main__":
    main()
