"""Takes off a message's envelopes, one after the other, and deletes the payloads in S3 of messages that are done.

`runtime` makes one `Opener`, if there are envelopes at all; the handler's thread calls it with each message.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from queueworker.envelopes import eventbridge, s3_events, s3_pointers, sns
from queueworker.envelopes.s3_pointers import PayloadStore, Pointer
from queueworker.errors import AwsError
from queueworker.model import Message
from queueworker.primitives import SYSTEM, Primitives
from queueworker.threadpool import ThreadPool

if TYPE_CHECKING:
    from concurrent.futures import Executor

logger = logging.getLogger(__name__)

DELETE_THREADS = 8
"""Payloads that are being deleted at the same time."""

Envelope = Callable[[Message], Message | None]
"""Returns the message that is in an envelope; None when there is none for anybody."""

_ENVELOPES: Final[Mapping[str, Envelope]] = {
    sns.NAME: sns.open_notification,
    eventbridge.NAME: eventbridge.open_event,
    s3_events.NAME: s3_events.open_notification,
}

NAMES: Final = (*_ENVELOPES, s3_pointers.NAME)
"""All that `--envelope` takes."""


class Opener:
    """Opens the envelopes of messages, from the outermost to the innermost. Safe to share between threads."""

    def __init__(
        self,
        names: Sequence[str],
        store: PayloadStore | None = None,
        *,
        keep_payloads: bool = False,
        readers: int = 1,
        primitives: Primitives = SYSTEM,
    ) -> None:
        """Take off these envelopes.

        Args:
            names: of envelopes, from the outermost.
            store: where payloads are, for `s3-pointer`.
            keep_payloads: whether payloads stay when their messages are done, because others read them, too.
            readers: how many payloads are read at the same time for coroutines, which must not wait themselves.
            primitives: threads, and what they wait with.
        """
        envelopes = dict(_ENVELOPES)
        if store is not None:
            envelopes[s3_pointers.NAME] = partial(s3_pointers.open_pointer, store)
        self._envelopes = [(name, envelopes[name]) for name in names]
        self._store = store
        self.readers = None if store is None else _executor(readers)
        """Threads for coroutines that call this; None: a call does not wait for the network."""
        self._keeps_payloads = keep_payloads
        self._thread_pool = ThreadPool("payload", DELETE_THREADS, primitives)
        self._changed = primitives.condition()
        self._deleting = 0

    def __call__(self, message: Message) -> Message | None:
        """Return the message that is in the envelopes; None when there is none for anybody.

        Raises:
            UnfitBodyError: it is not in such envelopes, or its payload can never be read.
            AwsError: its payload cannot be read now.
        """
        for _, open_envelope in self._envelopes:
            inner = open_envelope(message)
            if inner is None:
                return None
            message = inner
        return message

    def discard_payload(self, message: Message) -> None:
        """Delete the payload of a message, soon: SQS has deleted the message, after its handler had succeeded.

        Not before, or a message that comes back would find nothing. A payload that cannot be deleted is logged, and
        stays.

        Args:
            message: as SQS delivered it.
        """
        if self._store is None or self._keeps_payloads:
            return
        with self._changed:
            self._deleting += 1
        self._thread_pool.submit(partial(self._discard, self._store, message))

    def wait_for_deletes(self, seconds: float) -> bool:
        """Wait until no payload is left to be deleted; return whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._deleting, seconds)

    def _discard(self, store: PayloadStore, message: Message) -> None:
        try:
            if pointer := self._pointer_of(message):
                _delete(store, pointer, message.id)
        finally:
            with self._changed:
                self._deleting -= 1
                self._changed.notify_all()

    def _pointer_of(self, message: Message) -> Pointer | None:
        for name, open_envelope in self._envelopes:
            if name == s3_pointers.NAME:
                return s3_pointers.pointer_of(message)
            inner = open_envelope(message)
            if inner is None:
                break
            message = inner
        return None


def _executor(threads: int) -> "Executor":
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 -- most workers need not load it

    return ThreadPoolExecutor(threads, "payload reader")


def _delete(store: PayloadStore, pointer: Pointer, message_id: str) -> None:
    try:
        store.delete(*pointer)
    except AwsError as error:
        about = {"message_id": message_id, "payload": str(pointer)}
        logger.warning("payload not deleted", extra=about | error.log_fields)
