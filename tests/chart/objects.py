"""Values to render the chart with, and ways to find things in what it makes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from charts.generate_readme import values

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "queueworkerpool"
Json = dict[str, Any]
Render = Callable[..., list[Json]]

# As a text, in which the chart's helpers can be used.
EXTRA_OBJECT = """
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "queueworkerpool.fullname" . }}-extra
  namespace: {{ include "queueworkerpool.namespace" . }}
  labels: {{- include "queueworkerpool.labels" . | nindent 4 }}
"""

DEFAULTS = {value.path: value.default for value in values((CHART / "values.yaml").read_text())}
# One value other than the default for everything that can be set.
OTHERS: dict[tuple[str, ...], Any] = {
    ("global", "imageRegistry"): "mirror.example",
    ("nameOverride",): "sizer",
    ("fullnameOverride",): "sqs-sizer",
    ("namespaceOverride",): "operators",
    ("commonLabels",): {"cost-centre": "42", "team": "platform"},
    ("image", "registry"): "registry.example/team",
    ("image", "repository"): "operator",
    ("image", "tag"): "1.2.3",
    ("image", "digest"): "sha256:" + "0" * 64,
    ("image", "pullPolicy"): "Always",
    ("image", "pullSecrets"): [{"name": "registry"}],
    ("replicaCount",): 2,
    ("shards",): 3,
    ("logLevel",): "debug",
    ("logFormat",): "text",
    ("watchNamespaces",): ["team-a", "team-b"],
    ("region",): "eu-west-1",
    ("sqsEndpointUrl",): "http://sqs.example:9324",
    ("scaleTargets",): [{"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "resource": "rollouts"}],
    ("sqsEndpoints",): {"elasticmq:9324": "http://elasticmq.queues:9324"},
    ("tenants",): [{"namespaces": ["team-*"], "queues": ["arn:aws:sqs:*:123456789012:team-*"]}],
    ("readWorkers",): 32,
    ("writeWorkers",): 4,
    ("extraEnv",): [
        {"name": "AWS_ACCESS_KEY_ID", "value": "1234"},
        {"name": "AWS_SECRET_ACCESS_KEY", "valueFrom": {"secretKeyRef": {"name": "aws", "key": "secret"}}},
    ],
    ("extraEnvFrom",): [{"secretRef": {"name": "proxy", "optional": True}, "prefix": "AWS_"}],
    ("extraVolumes",): [{"name": "authority", "configMap": {"name": "authority"}}],
    ("extraVolumeMounts",): [{"name": "authority", "mountPath": "/etc/authority", "readOnly": True}],
    ("serviceAccount", "create"): False,
    ("serviceAccount", "name"): "sizer",
    ("serviceAccount", "annotations"): {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/sizer"},
    ("aggregatedRoles", "create"): False,
    ("podPatchPolicy", "enabled"): False,
    ("crds", "install"): False,
    ("crds", "keep"): False,
    ("metrics", "service", "port"): 8080,
    ("metrics", "service", "annotations"): {"prometheus.io/scrape": "true"},
    ("metrics", "tls", "secretName"): "metrics-tls",
    ("metrics", "tls", "clientCertificates"): True,
    ("metrics", "serviceMonitor", "tlsConfig"): {"serverName": "queueworkerpool-metrics"},
    ("metrics", "serviceMonitor", "enabled"): True,
    ("metrics", "serviceMonitor", "namespace"): "monitoring",
    ("metrics", "serviceMonitor", "interval"): "15s",
    ("metrics", "serviceMonitor", "scrapeTimeout"): "5s",
    ("metrics", "serviceMonitor", "relabelings"): [{"targetLabel": "cluster", "replacement": "blue"}],
    ("metrics", "serviceMonitor", "metricRelabelings"): [
        {"action": "drop", "sourceLabels": ["__name__"], "regex": "python_.*"}
    ],
    ("metrics", "serviceMonitor", "labels"): {"release": "prometheus"},
    ("metrics", "prometheusRule", "enabled"): True,
    ("metrics", "prometheusRule", "labels"): {"release": "prometheus"},
    ("metrics", "prometheusRule", "runbookBaseUrl"): "https://runbooks.example/queueworkerpool",
    ("metrics", "prometheusRule", "grafanaUrl"): "https://grafana.example",
    ("grafanaDashboards", "enabled"): True,
    ("grafanaDashboards", "namespace"): "monitoring",
    ("grafanaDashboards", "labels"): {"dashboards": "yes"},
    ("grafanaDashboards", "annotations"): {"example.com/note": "1"},
    ("grafanaDashboards", "folder"): "Queues",
    ("resources",): {"requests": {"cpu": "100m"}, "limits": {"memory": "1Gi"}},
    ("deploymentAnnotations",): {"example.com/owner": "platform"},
    ("podAnnotations",): {"example.com/note": "1"},
    ("podLabels",): {"team": "queues"},
    ("podSecurityContext",): {"fsGroup": 65532},
    ("securityContext",): {"runAsUser": 65532},
    ("terminationGracePeriodSeconds",): 30,
    ("hostNetwork",): True,
    ("dnsPolicy",): "Default",
    ("dnsConfig",): {"options": [{"name": "ndots", "value": "1"}]},
    ("nodeSelector",): {"kubernetes.io/os": "linux"},
    ("tolerations",): [{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}],
    ("affinity",): {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
    ("topologySpreadConstraints",): [{"topologyKey": "topology.kubernetes.io/zone", "maxSkew": 2}],
    ("podDisruptionBudget",): {"minAvailable": "50%"},
    ("priorityClassName",): "system-cluster-critical",
    ("networkPolicy", "enabled"): True,
    ("networkPolicy", "metricsFrom"): [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}],
    ("networkPolicy", "apiServerPorts"): [8443],
    ("networkPolicy", "statePorts"): [8081, 9000],
    ("networkPolicy", "extraEgress"): [{"ports": [{"port": 3128}], "to": [{"ipBlock": {"cidr": "192.0.2.7/32"}}]}],
    ("extraObjects",): [EXTRA_OBJECT],
}
# Some values hide others: these two sets together show everything.
HIDING = {
    ("global", "imageRegistry"),
    ("image", "digest"),
    ("serviceAccount", "create"),
    ("podPatchPolicy", "enabled"),
    ("crds", "install"),
    ("hostNetwork",),
}
VISIBLE = {path: value for path, value in OTHERS.items() if path not in HIDING}


def nested(flat: dict[tuple[str, ...], Any]) -> Json:
    tree: Json = {}
    for path, value in flat.items():
        inner = tree
        for name in path[:-1]:
            inner = inner.setdefault(name, {})
        inner[path[-1]] = value
    return tree


SETS = {"defaults": {}, "everything set": nested(OTHERS), "everything visible set": nested(VISIBLE)}


def of_kind(objects: list[Json], kind: str) -> list[Json]:
    return [found for found in objects if found["kind"] == kind]


def pod(objects: list[Json]) -> Json:
    (deployment,) = of_kind(objects, "Deployment")
    template: Json = deployment["spec"]["template"]
    return template


def container(objects: list[Json]) -> Json:
    (found,) = pod(objects)["spec"]["containers"]
    return dict(found)


def env_names(objects: list[Json]) -> set[str]:
    return {entry["name"] for entry in container(objects)["env"]}


def plain_env(objects: list[Json]) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in container(objects)["env"] if "value" in entry}
