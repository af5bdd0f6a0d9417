"""How the four programs of the control plane are started: their arguments, the unusual ones with a reason. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from devcluster.certificates import Authority, KeyPair

SERVICE_RANGE = "10.96.0.0/16"
AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
"""


@dataclass(frozen=True)
class Keys:
    """The key material that the control plane's programs share."""

    authority: Path
    server: KeyPair
    etcd_client: KeyPair
    front_proxy: KeyPair
    service_accounts: Path

    @classmethod
    def make(cls, authority: Authority) -> "Keys":
        """Return fresh keys signed by AUTHORITY."""
        return cls(
            authority=authority.certificate,
            server=authority.issue("server"),
            etcd_client=authority.issue("etcd-client"),
            front_proxy=authority.issue("front-proxy"),
            service_accounts=authority.signing_key("service-accounts"),
        )


def etcd(data: Path, port: int, peer_port: int, keys: Keys) -> list[str]:
    """Return etcd's arguments: one member, only for the API server, whose data is not needed after a power cut."""
    address, peer = f"https://127.0.0.1:{port}", f"http://127.0.0.1:{peer_port}"
    return [
        f"--data-dir={data}",
        f"--listen-client-urls={address}",
        f"--advertise-client-urls={address}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        f"--cert-file={keys.server.certificate}",
        f"--key-file={keys.server.key}",
        f"--trusted-ca-file={keys.authority}",
        "--client-cert-auth=true",
        "--unsafe-no-fsync=true",
        "--log-level=warn",
    ]


def apiserver(port: int, etcd_port: int, keys: Keys) -> list[str]:
    """Return the API server's arguments."""
    return [
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={port}",
        # An Endpoints object may not hold a loopback address, so the API server must not try to publish its own.
        "--endpoint-reconciler-type=none",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        f"--etcd-servers=https://127.0.0.1:{etcd_port}",
        f"--etcd-cafile={keys.authority}",
        f"--etcd-certfile={keys.etcd_client.certificate}",
        f"--etcd-keyfile={keys.etcd_client.key}",
        f"--tls-cert-file={keys.server.certificate}",
        f"--tls-private-key-file={keys.server.key}",
        f"--client-ca-file={keys.authority}",
        "--authorization-mode=RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={keys.service_accounts}",
        f"--service-account-signing-key-file={keys.service_accounts}",
        # API aggregation (metrics adapters) needs a front proxy identity.
        f"--requestheader-client-ca-file={keys.authority}",
        "--requestheader-allowed-names=front-proxy",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={keys.front_proxy.certificate}",
        f"--proxy-client-key-file={keys.front_proxy.key}",
        "--profiling=false",
    ]


def audit(folder: Path) -> list[str]:
    """Return the arguments that make the API server log every request (who, what, when) to FOLDER/audit.log."""
    policy = folder / "audit-policy.yaml"
    policy.write_text(AUDIT_POLICY)
    return [f"--audit-policy-file={policy}", f"--audit-log-path={folder / 'audit.log'}"]


def controller_manager(kubeconfig: Path, keys: Keys, extra: Sequence[str] = ()) -> list[str]:
    """Return the controller manager's arguments; EXTRA ones come last, so they win.

    A list such as `--controllers` would be added to, so it is left out where EXTRA has one.
    """
    # Endpoints may not hold loopback addresses, so these three could only fail, again and again.
    controllers = "--controllers=*,-endpoints-controller,-endpointslice-controller,-endpointslice-mirroring-controller"
    return [
        f"--kubeconfig={kubeconfig}",
        f"--root-ca-file={keys.authority}",
        f"--service-account-private-key-file={keys.service_accounts}",
        "--leader-elect=false",
        "--secure-port=0",
        *([] if any(each.startswith("--controllers=") for each in extra) else [controllers]),
        # All controllers share this one client; the default of 20 requests a second makes 100 pods take half a minute.
        "--kube-api-qps=1000",
        "--kube-api-burst=2000",
        "--concurrent-deployment-syncs=20",
        "--concurrent-replicaset-syncs=20",
        *extra,
    ]


def scheduler(kubeconfig: Path) -> list[str]:
    """Return the scheduler's arguments; two schedulers never run, so there is no leader to elect."""
    # The rates are set as flags, which the scheduler only reads without a configuration file.
    return [
        f"--kubeconfig={kubeconfig}",
        "--leader-elect=false",
        "--secure-port=0",
        "--kube-api-qps=1000",
        "--kube-api-burst=2000",
    ]
