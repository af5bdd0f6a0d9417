"""Says where SQS is, by AWS's settings. Both programs ask it once for each region; it sends nothing.

botocore's client knows the same, and reads what it knows of all services and regions for it: 5 MiB that a process
keeps, and a quarter of a worker's start. So its parts are called here without it. botocore says of them that they may
change: a test compares the answers with those of its client, and our images pin its version.
"""

from typing import NamedTuple

from botocore.configprovider import ConfiguredEndpointProvider
from botocore.endpoint_provider import EndpointProvider
from botocore.session import Session
from botocore.utils import is_valid_uri, validate_region_name


class Endpoint(NamedTuple):
    """Where SQS is: requests are signed for the region, and go to the URL."""

    region: str
    url: str


def find_endpoint(region: str, session: Session) -> Endpoint:
    """Return SQS's endpoint in a region: that of AWS's settings (AWS_ENDPOINT_URL_SQS), else the region's own.

    Raises:
        BotoCoreError, ValueError: a setting cannot be used.
    """
    validate_region_name(region)
    return endpoint_at(region, configured_endpoint(session) or _regions_own(region, session))


def endpoint_at(region: str, url: str) -> Endpoint:
    """Return the endpoint of a URL that a setting names. Raises BotoCoreError or ValueError as `find_endpoint` does."""
    validate_region_name(region)
    if not is_valid_uri(url):
        raise ValueError(f"invalid endpoint: {url}")
    return Endpoint(region, url.rstrip("/") + "/")


def configured_endpoint(session: Session) -> str | None:
    """Return the one endpoint of SQS that AWS's settings name, if they do. Raises BotoCoreError."""
    if session.get_config_variable("ignore_configured_endpoint_urls"):
        return None
    provider = ConfiguredEndpointProvider(session.full_config, session.get_scoped_config(), "sqs")
    url: str | None = provider.provide()
    return url


def _regions_own(region: str, session: Session) -> str:
    loader = session.get_component("data_loader")
    rules, partitions = loader.load_service_model("sqs", "endpoint-rule-set-1"), loader.load_data("partitions")
    url: str = (
        EndpointProvider(rules, partitions)
        .resolve_endpoint(
            Region=region,
            UseFIPS=bool(session.get_config_variable("use_fips_endpoint")),
            UseDualStack=bool(session.get_config_variable("use_dualstack_endpoint")),
        )
        .url
    )
    return url
