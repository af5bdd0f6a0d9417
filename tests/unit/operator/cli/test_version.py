"""`qwp version` as users call it."""

import json
from importlib.metadata import version
from typing import Any

from tests.unit.operator.cli.conftest import Api, listed, qwp, refused

OWN = version("queueworkerpool")
DEPLOYMENTS = "/apis/apps/v1/deployments"
DEFINITION = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/queueworkerpools.queueworker.dev"


def operator(label: str) -> dict[str, Any]:
    metadata = {"namespace": "system", "name": "operator", "labels": {"app.kubernetes.io/version": label}}
    return {
        "metadata": metadata,
        "spec": {"template": {"spec": {"containers": [{"image": f"queueworkerpool-operator:{label}"}]}}},
    }


def definition(annotation: str) -> dict[str, Any]:
    return {"kind": "CustomResourceDefinition", "metadata": {"annotations": {"queueworker.dev/version": annotation}}}


def test_three_equal_versions_are_told_without_a_warning(api: Api) -> None:
    api[DEPLOYMENTS], api[DEFINITION] = listed(operator(OWN)), definition(OWN)
    result = qwp("version")
    assert (result.exit_code, result.stdout.splitlines()) == (
        0,
        [
            f"client: {OWN}",
            f"operator: {OWN} (system/operator, image queueworkerpool-operator:{OWN})",
            f"custom resource definition: {OWN}",
        ],
    )


def test_versions_that_differ_are_told_with_what_to_do(api: Api) -> None:
    api[DEPLOYMENTS], api[DEFINITION] = listed(operator("9.1.0")), definition("9.0.0")
    older = "its custom resource definition 9.0.0: apply the QueueWorkerPool definition that belongs to the operator"
    other = f"this client {OWN}: install the client of the same version, or upgrade the operator"
    warning = "warning: the operator system/operator is 9.1.0,"
    assert qwp("version").stdout.splitlines()[3:] == [f"{warning} {older}", f"{warning} {other}"]


def test_what_may_not_be_read_is_unknown_with_the_missing_right(api: Api) -> None:
    api[DEPLOYMENTS], api[DEFINITION] = refused("deployments is forbidden"), refused("definitions is forbidden")
    result = qwp("version")
    assert (result.exit_code, result.stdout.splitlines()[1:]) == (
        0,
        [
            "operator: unknown: deployments is forbidden",
            "custom resource definition: unknown: definitions is forbidden",
        ],
    )


def test_a_cluster_without_us_is_told_as_that(api: Api) -> None:
    api[DEPLOYMENTS] = listed()
    assert qwp("version").stdout.splitlines()[1:] == [
        "operator: none found by the labels of our chart",
        "custom resource definition: not installed",
    ]


def test_programs_get_null_for_what_is_unknown(api: Api) -> None:
    api[DEPLOYMENTS], api[DEFINITION] = refused("no"), definition(OWN)
    document = json.loads(qwp("version", "-o", "json").stdout)
    assert document == {"client": OWN, "operators": None, "definition": OWN, "warnings": []}


def test_the_clients_version_needs_no_cluster() -> None:
    assert qwp("version", "--client", "--kubeconfig", "/nonexistent").stdout == f"client: {OWN}\n"
