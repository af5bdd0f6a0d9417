"""The certificate that the server shows, and the authorities whose clients may see /metrics. `http` uses it."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Tls:
    """The server's certificate, read again whenever its files have changed, as those of a mounted Secret do.

    Args:
        certificate: File of the certificate (PEM).
        key: File of its key (PEM).
        client_authority: File of the authorities whose clients may see the metrics; None allows every client.

    Raises:
        OSError: The files cannot be used at first.
    """

    certificate: Path
    key: Path
    client_authority: Path | None = None
    _context: ssl.SSLContext = field(init=False, repr=False)
    _read: tuple[tuple[int, int], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Read the files."""
        self._read, self._context = self._stamps(), self._load()

    def context(self) -> ssl.SSLContext:
        """Return the context for a new connection. The old files stay in use while the new ones do not match."""
        try:
            if (stamps := self._stamps()) != self._read:
                self._context, self._read = self._load(), stamps
        except OSError:
            pass  # the files are being replaced: the next connection tries again
        return self._context

    def _stamps(self) -> tuple[tuple[int, int], ...]:
        files = (file.stat() for file in (self.certificate, self.key, self.client_authority) if file)
        return tuple((found.st_ino, found.st_mtime_ns) for found in files)

    def _load(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.client_authority)
        if self.client_authority:
            context.verify_mode = ssl.CERT_OPTIONAL  # a kubelet has no certificate when it probes
        context.load_cert_chain(self.certificate, self.key)
        return context
