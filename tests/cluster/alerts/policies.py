"""Admission policies that refuse what the operator writes, each in the namespaces that are labelled for it."""

from collections.abc import Sequence
from typing import Any

from tests.cluster.alerts.site import REFUSAL

API = "admissionregistration.k8s.io"
MARK = "controller.kubernetes.io/pod-deletion-cost"


def policy(what: str, group: str, version: str, resource: str, allowed: str) -> Sequence[dict[str, Any]]:
    """Return a policy, and its binding to namespaces with the label `refuse-WHAT: "yes"`."""
    rule = {"apiGroups": [group], "apiVersions": [version], "operations": ["UPDATE"], "resources": [resource]}
    chosen = {"namespaceSelector": {"matchLabels": {f"refuse-{what}": "yes"}}}
    return [
        {
            "apiVersion": f"{API}/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": what},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [rule]},
                "validations": [{"expression": allowed, "message": REFUSAL}],
            },
        },
        {
            "apiVersion": f"{API}/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": what},
            "spec": {"policyName": what, "validationActions": ["Deny"], "matchResources": chosen},
        },
    ]


POLICIES = (
    *policy("sizes", "apps", "v1", "deployments/scale", "object.metadata.name != 'refused'"),
    *policy("marks", "", "v1", "pods", f"!('{MARK}' in object.metadata.?annotations.orValue({{}}))"),
    *policy("statuses", "queueworker.dev", "v1alpha1", "queueworkerpools/status", "false"),
)
