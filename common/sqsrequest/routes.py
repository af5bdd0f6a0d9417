"""Says by which proxy SQS is reached, and which certificates are trusted: as botocore's client reads AWS's settings."""

from collections.abc import Mapping
from typing import NamedTuple

from botocore.httpsession import ProxyConfiguration, get_cert_path
from botocore.session import Session
from botocore.utils import get_environ_proxies


class Route(NamedTuple):
    """How an endpoint is reached.

    Args:
        proxy: The proxy's URL; None for the direct way.
        proxy_headers: What the proxy is sent besides: the user and password of its URL.
        certificates: The file of certificates that are trusted; None: the system's.
    """

    proxy: str | None
    proxy_headers: Mapping[str, str]
    certificates: str | None


def find_route(url: str, session: Session) -> Route:
    """Return how a URL is reached, by HTTPS_PROXY, NO_PROXY, AWS_CA_BUNDLE and their like. Raises BotoCoreError."""
    proxy = ProxyConfiguration(get_environ_proxies(url)).proxy_url_for(url)
    headers = ProxyConfiguration().proxy_headers_for(proxy) if proxy else {}
    return Route(proxy, headers, get_cert_path(session.get_config_variable("ca_bundle") or True))
