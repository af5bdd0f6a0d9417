"""Events of AWS's services as handlers can take them: `def handle(records: list[S3Record])`.

Handlers import it; `envelopes` makes bodies that fit. It imports nothing of ours.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Record:
    """What happened to one object, as `--envelope s3` hands it over."""

    event: str
    """What happened, such as `ObjectCreated:Put`."""
    time: datetime
    region: str
    bucket: str
    key: str
    """The object's name as it is; S3's own notification has it as in a URL."""
    size: int | None = None
    """Bytes; None where the object is gone."""
    etag: str | None = None
    version_id: str | None = None
    """None in a bucket without versions."""
    sequencer: str | None = None
    """Orders the events of one object: of two, the later has the greater, compared as hexadecimal numbers."""
