"""A value that is mistyped or of the wrong type stops `helm install` with a sentence that names it."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CHART = str(Path(__file__).parents[2] / "charts" / "queueworkerpool")
Helm = Callable[..., "subprocess.CompletedProcess[str]"]

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown value": ({"imgae": {}}, "additional properties 'imgae' not allowed"),
    "another word for replicaCount": ({"replicas": 2}, "additional properties 'replicas' not allowed"),
    "no operator": ({"replicaCount": 0}, "'/replicaCount': minimum: got 0, want 1"),
    "too many operators": ({"replicaCount": 21}, "'/replicaCount': maximum: got 21, want 20"),
    "no shard": ({"shards": 0}, "'/shards': minimum: got 0, want 1"),
    "more shards than Leases that the operators may write": ({"shards": 17}, "'/shards': maximum: got 17, want 16"),
    "an unknown value of the image": ({"image": {"repo": "x"}}, "'/image': additional properties 'repo' not allowed"),
    "a registry with a scheme": ({"image": {"registry": "https://r"}}, "'/image/registry': 'https://r' does not match"),
    "a mirror that ends in a slash": (
        {"global": {"imageRegistry": "r/"}},
        "'/global/imageRegistry': 'r/' does not match",
    ),
    "no repository": ({"image": {"repository": ""}}, "'/image/repository': minLength: got 0, want 1"),
    "a tag that YAML takes for a number": ({"image": {"tag": 1.5}}, "'/image/tag': got number, want string"),
    "a digest without its algorithm": ({"image": {"digest": "0" * 64}}, "'/image/digest': '0000"),
    "an unknown pull policy": ({"image": {"pullPolicy": "Sometimes"}}, "'/image/pullPolicy': value must be one of"),
    "pull secrets as plain names": (
        {"image": {"pullSecrets": ["x"]}},
        "'/image/pullSecrets/0': got string, want object",
    ),
    "an unknown log level": ({"logLevel": "INFO"}, "'/logLevel': value must be one of 'debug', 'info'"),
    "an unknown log format": ({"logFormat": "xml"}, "'/logFormat': value must be one of 'json', 'text'"),
    "namespaces as a string": ({"watchNamespaces": "a,b"}, "'/watchNamespaces': got string, want array"),
    "a namespace that cannot be": ({"watchNamespaces": ["Team"]}, "'/watchNamespaces/0': 'Team' does not match"),
    "a namespace twice": ({"watchNamespaces": ["a", "a"]}, "'/watchNamespaces': items at 0 and 1 are equal"),
    "half a region": ({"region": "eu-west"}, "'/region': 'eu-west' does not match"),
    "an endpoint without a scheme": ({"sqsEndpointUrl": "sqs:9324"}, "'/sqsEndpointUrl': 'sqs:9324' does not match"),
    "a listed endpoint without a scheme": (
        {"sqsEndpoints": {"elasticmq:9324": "elasticmq:9324"}},
        "'/sqsEndpoints/elasticmq:9324': 'elasticmq:9324' does not match",
    ),
    "a listed host with its scheme": (
        {"sqsEndpoints": {"http://elasticmq:9324": "http://elasticmq:9324"}},
        "'http://elasticmq:9324' does not match pattern",
    ),
    "tenants in one string": ({"tenants": "team-a"}, "'/tenants': got string, want array"),
    "a tenant without queues": ({"tenants": [{"namespaces": ["a"]}]}, "'/tenants/0': missing property 'queues'"),
    "a queue that is no ARN": (
        {"tenants": [{"namespaces": ["a"], "queues": ["shop"]}]},
        "'/tenants/0/queues/0': 'shop' does not match",
    ),
    "a role that is a user": (
        {"tenants": [{"namespaces": ["a"], "queues": ["arn:aws:sqs:*:*:a"], "roleArn": "arn:aws:iam::1:user/a"}]},
        "'/tenants/0/roleArn': 'arn:aws:iam::1:user/a' does not match",
    ),
    "more tenants than a ConfigMap holds": (
        {"tenants": [{"namespaces": ["a"], "queues": [f"arn:aws:sqs:*:*:{n:080}" for n in range(11_000)]}]},
        "and a ConfigMap holds 1 MiB",
    ),
    "client certificates without TLS": (
        {"metrics": {"tls": {"clientCertificates": True}}},
        "metrics.tls.clientCertificates needs metrics.tls.secretName",
    ),
    "no readers": ({"readWorkers": 0}, "'/readWorkers': minimum: got 0, want 1"),
    "readers as a string": ({"readWorkers": "16"}, "'/readWorkers': got string, want integer"),
    "too many writers": ({"writeWorkers": 65}, "'/writeWorkers': maximum: got 65, want 64"),
    "variables as a mapping": ({"extraEnv": {"A": "1"}}, "'/extraEnv': got object, want array"),
    "a variable without a name": ({"extraEnv": [{"value": "1"}]}, "'/extraEnv/0': missing property 'name'"),
    "a variable without a value": ({"extraEnv": [{"name": "A"}]}, "'/extraEnv/0': missing property 'value'"),
    "a variable that is a number": (
        {"extraEnv": [{"name": "A", "value": 1}]},
        "'/extraEnv/0/value': got number, want string",
    ),
    "a variable with two values": (
        {"extraEnv": [{"name": "A", "value": "1", "valueFrom": {}}]},
        "'/extraEnv/0': 'oneOf' failed",
    ),
    "a setting past its value": (
        {"extraEnv": [{"name": "QWP_REGION", "value": "eu-west-1"}]},
        "extraEnv: QWP_REGION has a value of its own",
    ),
    "the endpoint past its value": (
        {"extraEnv": [{"name": "AWS_ENDPOINT_URL_SQS", "value": "http://sqs:9324"}]},
        "extraEnv: AWS_ENDPOINT_URL_SQS has a value of its own",
    ),
    "a service account without a name that is not created": (
        {"serviceAccount": {"create": False}},
        "'/serviceAccount/name': minLength: got 0",
    ),
    "a number as an annotation": (
        {"serviceAccount": {"annotations": {"a": 1}}},
        "'/serviceAccount/annotations/a': got number, want string",
    ),
    "a role's own name": ({"aggregatedRoles": {"edit": False}}, "'/aggregatedRoles': additional properties 'edit'"),
    "keep in words": ({"crds": {"keep": "yes"}}, "'/crds/keep': got string, want boolean"),
    "port zero": ({"metrics": {"service": {"port": 0}}}, "'/metrics/service/port': minimum: got 0, want 1"),
    "an interval without a unit": (
        {"metrics": {"serviceMonitor": {"interval": "15"}}},
        "'/metrics/serviceMonitor/interval': '15' does not match",
    ),
    "an address of Grafana without a scheme": (
        {"metrics": {"prometheusRule": {"grafanaUrl": "grafana"}}},
        "'/metrics/prometheusRule/grafanaUrl': 'grafana' does not match",
    ),
    "a label of the dashboards that YAML takes for a number": (
        {"grafanaDashboards": {"labels": {"grafana_dashboard": 1}}},
        "'/grafanaDashboards/labels/grafana_dashboard': got number, want string",
    ),
    "an unknown kind of resources": ({"resources": {"limit": {}}}, "'/resources': additional properties 'limit'"),
    "a label that the chart sets": (
        {"podLabels": {"app.kubernetes.io/name": "x"}},
        "'/podLabels/app.kubernetes.io~1name': false schema",
    ),
    "a label that would give rights": (
        {"commonLabels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}},
        "'/commonLabels/rbac.authorization.k8s.io~1aggregate-to-view': false schema",
    ),
    "a label that is a sentence": ({"commonLabels": {"team": "a b"}}, "'/commonLabels/team': 'a b' does not match"),
    "a label whose name is a sentence": (
        {"commonLabels": {"a b": "c"}},
        "'/commonLabels': additional properties 'a b' not allowed",
    ),
    "a section that is taken away": ({"crds": None}, "missing property 'crds'"),
    "a part of a section that is taken away": ({"metrics": {"tls": None}}, "'/metrics': missing property 'tls'"),
    "a name that no Service may have": ({"fullnameOverride": "1st"}, "'/fullnameOverride': '1st' does not match"),
    "a name that no object may have": ({"fullnameOverride": "Sizer"}, "'/fullnameOverride': 'Sizer' does not match"),
    "a name that leaves no room for suffixes": (
        {"nameOverride": "n" * 56},
        "'/nameOverride': maxLength: got 56, want 55",
    ),
    "a namespace that is none": ({"namespaceOverride": "team a"}, "'/namespaceOverride': 'team a' does not match"),
    "a source of variables that is none": (
        {"extraEnvFrom": [{"secret": {"name": "x"}}]},
        "'/extraEnvFrom/0': additional properties 'secret' not allowed",
    ),
    "a volume under a name of the chart's": (
        {"extraVolumes": [{"name": "tls", "emptyDir": {}}]},
        "'/extraVolumes/0/name': 'not' failed",
    ),
    "a volume without a source": ({"extraVolumes": [{"name": "a"}]}, "'/extraVolumes/0': minProperties: got 1, want 2"),
    "a mount without a path": ({"extraVolumeMounts": [{"name": "a"}]}, "'/extraVolumeMounts/0': missing property"),
    "a mount of no volume": (
        {"extraVolumeMounts": [{"name": "ca", "mountPath": "/ca"}]},
        "extraVolumeMounts: ca is not in extraVolumes",
    ),
    "no DNS at all": ({"dnsPolicy": "None"}, "'/dnsConfig': missing property 'nameservers'"),
    "a kind twice": (
        {"scaleTargets": [{"apiVersion": "apps/v1", "kind": "Deployment"}] * 2},
        "'/scaleTargets': items at 0 and 1 are equal",
    ),
    "an annotation that is a number": (
        {"deploymentAnnotations": {"a": 1}},
        "'/deploymentAnnotations/a': got number, want string",
    ),
    "the container's field for the pod": (
        {"podSecurityContext": {"readOnlyRootFilesystem": True}},
        "'/podSecurityContext': additional properties 'readOnlyRootFilesystem' not allowed",
    ),
    "the pod's field for the container": (
        {"securityContext": {"fsGroup": 1}},
        "'/securityContext': additional properties 'fsGroup' not allowed",
    ),
    "less time than the operator needs to stop": (
        {"terminationGracePeriodSeconds": 10},
        "'/terminationGracePeriodSeconds': minimum: got 10, want 11",
    ),
    "the node's network in words": ({"hostNetwork": "yes"}, "'/hostNetwork': got string, want boolean"),
    "an unknown DNS policy": ({"dnsPolicy": "Cluster"}, "'/dnsPolicy': value must be one of"),
    "four name servers": (
        {"dnsConfig": {"nameservers": ["192.0.2.1"] * 4}},
        "'/dnsConfig/nameservers': maxItems: got 4",
    ),
    "a budget with two bounds": ({"podDisruptionBudget": {"minAvailable": 1, "maxUnavailable": 1}}, "'not' failed"),
    "more than all pods": ({"podDisruptionBudget": {"minAvailable": "101%"}}, "'/podDisruptionBudget/minAvailable'"),
    "a peer that is a name": (
        {"networkPolicy": {"metricsFrom": ["monitoring"]}},
        "'/networkPolicy/metricsFrom/0': got string, want object",
    ),
    "no port of workers": (
        {"networkPolicy": {"statePorts": []}},
        "'/networkPolicy/statePorts': minItems: got 0, want 1",
    ),
    "a rule for the wrong way": (
        {"networkPolicy": {"extraEgress": [{"from": []}]}},
        "'/networkPolicy/extraEgress/0': additional properties 'from' not allowed",
    ),
    "a relabeling in Prometheus' own spelling": (
        {"metrics": {"serviceMonitor": {"relabelings": [{"target_label": "a"}]}}},
        "'/metrics/serviceMonitor/relabelings/0': additional properties 'target_label' not allowed",
    ),
    "a time-out without a unit": (
        {"metrics": {"serviceMonitor": {"scrapeTimeout": "5"}}},
        "'/metrics/serviceMonitor/scrapeTimeout': '5' does not match",
    ),
    "an object without a kind": ({"extraObjects": [{"apiVersion": "v1"}]}, "'/extraObjects/0': 'anyOf' failed"),
    "an unknown effect": ({"tolerations": [{"effect": "No"}]}, "'/tolerations/0/effect': value must be one of"),
    "an unknown affinity": ({"affinity": {"node": {}}}, "'/affinity': additional properties 'node' not allowed"),
}


@pytest.mark.parametrize(("values", "message"), REFUSED.values(), ids=REFUSED)
def test_it_refuses(values: dict[str, Any], message: str, helm: Helm) -> None:
    answer = helm("template", "demo", CHART, values=values)
    assert answer.returncode != 0
    assert message in answer.stderr


ACCEPTED: dict[str, dict[str, Any]] = {
    "the shared values of a parent chart": {"global": {"environment": "test"}},
    "resources without limits": {"resources": {"requests": {"cpu": 1}, "limits": None}},
    "no resources": {"resources": None},
    "regions of every partition": {"region": "us-gov-west-1"},
}


@pytest.mark.parametrize("values", ACCEPTED.values(), ids=ACCEPTED)
def test_it_accepts(values: dict[str, Any], helm: Helm) -> None:
    answer = helm("template", "demo", CHART, values=values)
    assert answer.returncode == 0, answer.stderr


def test_lint_has_nothing_to_say(helm: Helm) -> None:
    answer = helm("lint", CHART, "--strict")
    assert (answer.returncode, "[" in answer.stdout) == (0, False), answer.stdout
