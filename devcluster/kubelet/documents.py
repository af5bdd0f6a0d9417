"""What the programs of a real node are configured with: texts and arguments, the unusual ones with a reason. Pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from devcluster.certificates import KeyPair

API_PORT = 6443
GATEWAY = "10.244.0.1"
"""The address of the first node, and what pods send everything to."""
POD_RANGE = "10.244.0.0/16"
DNS_ADDRESS = "10.96.0.10"
PAUSE_IMAGE = "localhost/pause:1"
DNS_IMAGE = "localhost/coredns:1"
SYSCTLS = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1000000,
    "kernel/keys/root_maxbytes": 25000000,
}
"""Settings of the whole machine that a kubelet changes when they are not so."""


@dataclass(frozen=True)
class NodePlace:
    """Where one node is: its number from 1 on, and the folder of its files."""

    number: int
    folder: Path

    @property
    def name(self) -> str:
        """The name of the Node object."""
        return f"node-{self.number}"

    @property
    def address(self) -> str:
        """The node's IP address."""
        return f"10.244.0.{self.number}"

    @property
    def socket(self) -> Path:
        """Containerd's socket; below /run because the path of a socket has at most 107 characters."""
        return Path(f"/run/devcluster/{self.name}.sock")

    @property
    def kubelet_root(self) -> Path:
        """Where the kubelet sees its folder, for the sockets that it makes there."""
        return Path(f"/run/devcluster/{self.name}-kubelet")


def image_import(node: NodePlace, archive: Path) -> list[str]:
    """Return the command that gives a node the image in an archive."""
    return ["ctr", f"--address={node.socket}", "--namespace=k8s.io", "images", "import", str(archive)]


def apiserver(kubelet_client: KeyPair) -> list[str]:
    """Return what the API server of a real node gets beside its usual arguments."""
    return [
        "--bind-address=0.0.0.0",
        f"--advertise-address={GATEWAY}",
        "--endpoint-reconciler-type=lease",
        "--authorization-mode=Node",  # beside RBAC
        "--allow-privileged=true",
        f"--kubelet-client-certificate={kubelet_client.certificate}",
        f"--kubelet-client-key={kubelet_client.key}",
        "--kubelet-preferred-address-types=InternalIP",
    ]


def controller_manager() -> list[str]:
    """Return what the controller manager gets beside its usual arguments: endpoints are real here."""
    return ["--controllers=*", "--use-service-account-credentials=true"]


def containerd(node: NodePlace, plugins: Path) -> str:
    """Return containerd's configuration; PLUGINS is the folder of the CNI plugins."""
    return f"""\
version = 2
root = "{node.folder}/containerd"
state = "/run/devcluster/{node.name}"
[grpc]
  address = "{node.socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{node.folder}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  disable_apparmor = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "{plugins}"
  conf_dir = "{node.folder}/cni"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
"""


def network(node: NodePlace) -> str:
    """Return the pod network: each pod is joined to the node alone, so that all its traffic is routed.

    With a bridge, an answer from a Service's pod to another pod of the node would pass by what translates its address.
    """
    range_ = {
        "subnet": POD_RANGE,
        "rangeStart": f"10.244.{node.number}.10",
        "rangeEnd": f"10.244.{node.number}.250",
        "gateway": GATEWAY,
    }
    ipam = {
        "type": "host-local",
        "dataDir": str(node.folder / "addresses"),
        "ranges": [[range_]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    plugin = {"type": "ptp", "ipMasq": False, "ipam": ipam}
    return json.dumps({"cniVersion": "1.0.0", "name": "pods", "plugins": [plugin]}, indent=2)


def kubelet(node: NodePlace, authority: Path, cgroup_root: str) -> str:
    """Return the kubelet's configuration."""
    return json.dumps(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(authority)},
            },
            "authorization": {"mode": "Webhook"},
            "cgroupDriver": "cgroupfs",
            # Without a root of our own it would make its groups at the machine's root.
            "cgroupRoot": cgroup_root,
            "failCgroupV1": False,
            "failSwapOn": False,
            "enforceNodeAllocatable": [],
            "localStorageCapacityIsolation": False,
            # A machine's full disk is no matter of a test's node, and must not cost it its images or its pods.
            "imageGCHighThresholdPercent": 100,
            "evictionHard": {"nodefs.available": "1%", "memory.available": "100Mi"},
            "clusterDNS": [DNS_ADDRESS],
            "clusterDomain": "cluster.local",
            "resolvConf": str(node.folder / "resolv.conf"),
            "containerRuntimeEndpoint": f"unix://{node.socket}",
            "port": 10250 + 100 * node.number,
            "healthzPort": 10248 + 100 * node.number,
            "volumePluginDir": str(node.folder / "volume-plugins"),
            "podLogsDir": str(node.folder / "logs"),
            "maxPods": 250,
            "registryPullQPS": 0,
        },
        indent=2,
    )


def kubelet_arguments(node: NodePlace, configuration: Path, kubeconfig: Path) -> list[str]:
    """Return the kubelet's arguments."""
    return [
        f"--config={configuration}",
        f"--kubeconfig={kubeconfig}",
        f"--hostname-override={node.name}",
        f"--node-ip={node.address}",
        f"--root-dir={node.kubelet_root}",
        f"--cert-dir={node.folder / 'kubelet-pki'}",
    ]


def proxy(kubeconfig: Path) -> str:
    """Return kube-proxy's configuration. One serves all nodes, since they share one network namespace."""
    return json.dumps(
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "iptables",
            "clusterCIDR": POD_RANGE,
            "clientConnection": {"kubeconfig": str(kubeconfig)},
            # These are settings of the whole machine.
            "conntrack": {"maxPerCore": 0},
            "bindAddress": GATEWAY,
            "metricsBindAddress": "127.0.0.1:10249",
            "healthzBindAddress": "127.0.0.1:10256",
        },
        indent=2,
    )


def dns() -> list[dict[str, object]]:
    """Return the objects of the cluster's DNS, with the names that they have in other clusters."""
    labels = {"k8s-app": "kube-dns"}
    where = {"namespace": "kube-system"}
    corefile = """.:53 {
    errors
    ready :8181
    kubernetes cluster.local in-addr.arpa {
        pods insecure
    }
    cache 5
    # Nothing outside of the cluster has a name here.
    template ANY ANY . {
        rcode NXDOMAIN
    }
}
"""
    reads = [
        {"apiGroups": [""], "resources": ["endpoints", "services", "pods", "namespaces"], "verbs": ["list", "watch"]},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
    ]
    container = {
        "name": "coredns",
        "image": DNS_IMAGE,
        "imagePullPolicy": "Never",
        "args": ["-conf", "/etc/coredns/Corefile"],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 1},
        "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns", "readOnly": True}],
    }
    pod = {
        "serviceAccountName": "coredns",
        "containers": [container],
        "volumes": [{"name": "config", "configMap": {"name": "coredns"}}],
    }
    rbac = "rbac.authorization.k8s.io"
    ports = [{"name": f"dns-{protocol}", "port": 53, "protocol": protocol.upper()} for protocol in ("udp", "tcp")]
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "coredns", **where}},
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "coredns", **where},
            "data": {"Corefile": corefile},
        },
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "system:coredns"},
            "rules": reads,
        },
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "system:coredns"},
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "system:coredns"},
            "subjects": [{"kind": "ServiceAccount", "name": "coredns", **where}],
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "kube-dns", **where, "labels": labels},
            "spec": {"clusterIP": DNS_ADDRESS, "selector": labels, "ports": ports},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "coredns", **where, "labels": labels},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        },
    ]


def manifests(objects: Sequence[dict[str, object]]) -> str:
    """Return OBJECTS as one text for `kubectl apply`."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
