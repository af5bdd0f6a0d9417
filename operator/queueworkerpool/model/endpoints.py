"""Where the queues of other servers than AWS's are read: the operator's setting `sqs_endpoints`. Pure.

`queues.sqs` sends requests there, `tenancy` knows such queues by the names of their servers. A pool's URL only chooses
among the entries: a host that is not listed is never contacted, whoever writes it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from queueaddress import is_at_aws, place_of
from queueworkerpool.errors import SettingsInvalidError

MOST_ENDPOINTS = 100
"""Each costs a client with its connections."""

_HOST = re.compile(r"([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
_URL = re.compile(r"https?://([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?")
_LONGEST_URL = 512


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Endpoints of SQS by the hosts of queues' URLs, each with or without a port."""

    by_host: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the setting. Raises SettingsInvalidError, naming the host and what is wrong with it."""
        if not text:
            return cls()
        try:
            raw = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise SettingsInvalidError(f"sqs_endpoints: it is not JSON ({type(error).__name__})") from error
        if not isinstance(raw, dict) or len(raw) > MOST_ENDPOINTS:
            problem = f"it must be an object of at most {MOST_ENDPOINTS} hosts, each with the URL of its endpoint"
            raise SettingsInvalidError(f"sqs_endpoints: {problem}")
        return cls({_host(host): _endpoint(host, url) for host, url in raw.items()})

    def host_of(self, url: str) -> str | None:
        """Return the entry that a queue's URL belongs to, the one with its port before the one without; None: none."""
        if not self.by_host:
            return None
        host, port, _ = place_of(url)
        return next((name for name in (f"{host}{port}", host) if name in self.by_host), None)

    def endpoint_of(self, url: str) -> str | None:
        """Return the endpoint that a queue is read at; None: the operator's own."""
        host = self.host_of(url)
        return None if host is None else self.by_host[host]

    def place(self, url: str) -> str | None:
        """Return what tells a queue of a listed server from all others: the server's entry and the URL's path.

        None for a queue that has an ARN at AWS, and for that of a server that is not listed.
        """
        host = self.host_of(url)
        return None if host is None or is_at_aws(url) else host + place_of(url)[2]


def _host(host: str) -> str:
    if not _HOST.fullmatch(host):
        problem = "it is no host of a queue's URL: write it in small letters, with or without a port, such as sqs:9324"
        raise SettingsInvalidError(f"sqs_endpoints[{host!r}]: {problem}")
    return host


def _endpoint(host: str, url: object) -> str:
    if not isinstance(url, str) or len(url) > _LONGEST_URL or not _URL.fullmatch(url):
        problem = "its endpoint is no URL such as http://elasticmq.queues:9324, without user and query"
        raise SettingsInvalidError(f"sqs_endpoints[{host!r}]: {problem}")
    return url
