"""The operator's settings: one frozen dataclass that explains each field. Settings of one pool are in the CRD instead.

`__main__` builds it from flags and QWP_* variables; an unknown name stops the start. boto3 reads AWS's own settings
(credentials, AWS_ENDPOINT_URL_SQS), which are not here.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from queueworkerpool.errors import SettingsInvalidError

ENV_PREFIX = "QWP_"
LONGEST_TENANTS_BYTES = 1024 * 1024

_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of an operator process. Raises SettingsInvalidError when one makes no sense."""

    namespaces: tuple[str, ...] = field(
        default=(),
        metadata={"help": "Namespaces to serve, separated by commas. Empty: all, which needs a ClusterRole."},
    )
    http_host: str = field(
        default="",
        metadata={
            "help": "Address on which /metrics, /livez and /readyz are served, IPv4 or IPv6. "
            "Empty: all of both kinds; all of IPv4 on a machine without IPv6. '::' also serves IPv4."
        },
    )
    http_port: int = field(default=9090, metadata={"help": "Port on which /metrics, /livez and /readyz are served."})
    tls_cert: str = field(
        default="",
        metadata={"help": "File of the certificate (PEM) to serve by HTTPS; read again when it changes. Empty: HTTP."},
    )
    tls_key: str = field(default="", metadata={"help": "File of the certificate's key (PEM)."})
    tls_client_ca: str = field(
        default="",
        metadata={
            "help": "File of the authorities (PEM) whose clients may see /metrics. Empty: all. Probes need none."
        },
    )
    log_level: str = field(
        default="info", metadata={"help": "What to log.", "choices": ("debug", "info", "warning", "error")}
    )
    log_format: str = field(
        default="json",
        metadata={"help": "json: a JSON object per line. text: for people.", "choices": ("json", "text")},
    )
    region: str | None = field(
        default=None,
        metadata={
            "help": "AWS region of queues whose pool and URL name none. Default: AWS_REGION, AWS_DEFAULT_REGION."
        },
    )
    sqs_endpoints: str = field(
        default="",
        metadata={
            "help": "JSON object of hosts in queues' URLs, each with the URL of the SQS endpoint where such queues are "
            "read. AWS_ENDPOINT_URL_SQS comes before it. Empty: only AWS's endpoints, or that one."
        },
    )
    tenants: str = field(
        default="",
        metadata={
            "help": "JSON list of which namespaces may use which queues, and by which role: see docs/tenancy.md. "
            "Empty: every namespace may use every queue that the operator may read."
        },
    )
    tenants_file: str = field(
        default="",
        metadata={
            "help": "File with that JSON list instead, up to 1 MiB, read at the start: a variable ends at 128 KiB."
        },
    )
    read_workers: int = field(
        default=16, metadata={"help": "Queues that may be read at the same time.", "min": 1, "max": 256}
    )
    write_workers: int = field(
        default=8, metadata={"help": "Writes to the Kubernetes API under way at the same time.", "min": 1, "max": 64}
    )
    lease: str = field(
        default="",
        metadata={
            "help": "NAMESPACE/NAME of the Lease by which several operators elect the one that scales; it is created "
            "when it is missing. Empty: no election, this process must be the only one."
        },
    )
    identity: str = field(
        default="",
        metadata={
            "help": "Name of this process in the Lease, which no other process may have. "
            "Empty: host name and a random part."
        },
    )
    shards: int = field(
        default=1,
        metadata={
            "help": "Groups into which all pools are divided, each scaled by one operator; needs --lease. "
            "1: one operator scales all of them.",
            "min": 1,
            "max": 16,
        },
    )
    scale_targets: str = field(
        default="",
        metadata={
            "help": "JSON list of the kinds that pools may scale, each with apiVersion, kind and, where the plural "
            "name is unusual, resource. Empty: Deployments and StatefulSets of apps/v1."
        },
    )
    own_deployment: str = field(
        default="",
        metadata={
            "help": "NAMESPACE/NAME of the Deployment that this process belongs to: no pool may scale it. Empty: none."
        },
    )

    def __post_init__(self) -> None:
        """Raise SettingsInvalidError where a setting makes no sense."""
        # In a cluster where the operator may list everything, a name that is none would be an empty namespace.
        if wrong := [name for name in self.namespaces if not _NAMESPACE.fullmatch(name)]:
            raise SettingsInvalidError(f"namespaces: {wrong[0]!r} is not a namespace; there are no patterns")
        for setting, value in (("lease", self.lease), ("own_deployment", self.own_deployment)):
            if value and [bool(part) for part in value.split("/")] != [True, True]:
                raise SettingsInvalidError(f"{setting}: {value!r} is not NAMESPACE/NAME")
        if self.shards > 1 and not self.lease:
            raise SettingsInvalidError("shards: it needs lease, by which several operators share them out")
        if self.tenants and self.tenants_file:
            raise SettingsInvalidError("tenants, tenants_file: one of the two")
        if bool(self.tls_cert) != bool(self.tls_key) or (self.tls_client_ca and not self.tls_cert):
            raise SettingsInvalidError("tls_cert, tls_key: both or none; tls_client_ca needs both")


def tenants_of(settings: Settings) -> str:
    """Return the JSON list of tenants, from the setting or its file.

    Raises SettingsInvalidError when the file cannot be read, is empty (which may mean all or none), or is too long.
    """
    if not settings.tenants_file:
        return settings.tenants
    try:
        with Path(settings.tenants_file).open("rb") as file:
            content = file.read(LONGEST_TENANTS_BYTES + 1)
        text = content.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalidError(f"tenants_file: it cannot be read ({type(error).__name__})") from error
    if not text.strip():
        raise SettingsInvalidError("tenants_file: it is empty; leave it out for no rules")
    if len(content) > LONGEST_TENANTS_BYTES:
        limit = f"{LONGEST_TENANTS_BYTES} bytes, as a ConfigMap is at most"
        raise SettingsInvalidError(f"tenants_file: it is longer than {limit}: use patterns")
    return text


def reject_unknown(environment: Mapping[str, str]) -> None:
    """Check that every QWP_* variable is a setting, so that a typo does not go unnoticed.

    Raises SettingsInvalidError, naming the variable and the most similar setting.
    """
    known = [ENV_PREFIX + setting.name.upper() for setting in fields(Settings)]
    for name in sorted(environment):
        if name.startswith(ENV_PREFIX) and name not in known:
            near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0)
            raise SettingsInvalidError(f"{name} is not a setting; did you mean {near[0]}? All: {', '.join(known)}")
