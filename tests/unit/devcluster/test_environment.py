"""A container's environment and command line come out as Kubernetes defines them."""

import base64
from typing import Any

import pytest

from devcluster.node import environment
from devcluster.node.environment import UnsupportedError

POD = {
    "metadata": {"name": "worker-1", "namespace": "shop", "uid": "u1", "labels": {"app.kubernetes.io/name": "worker"}},
    "spec": {"nodeName": "processes"},
    "status": {"podIP": "127.9.0.1"},
}
SOURCES = {
    ("configmaps", "settings"): {"COLOUR": "red"},
    ("secrets", "keys"): {"token": "t0p"},
    ("secrets", "gone"): None,
}


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        pytest.param("plain", "plain", id="plain text stays"),
        pytest.param("--host=$(HOST)", "--host=h", id="the name of a variable is replaced"),
        pytest.param("$(NOBODY)", "$(NOBODY)", id="an unknown name stays as it is"),
        pytest.param("$$5", "$5", id="two dollars are one"),
        pytest.param("$$(HOST)", "$(HOST)", id="two dollars protect a reference"),
        pytest.param("$$$(HOST)", "$h", id="three dollars are a dollar and a value"),
        pytest.param("$HOST ${HOST}", "$HOST ${HOST}", id="shell syntax is left to the shell"),
        pytest.param("$(HOST", "$(HOST", id="an open bracket is text"),
        pytest.param("$(HOST):$(PORT)", "h:1", id="several references"),
    ],
)
def test_references_expand_as_in_kubernetes(text: str, expanded: str) -> None:
    assert environment.expand(text, {"HOST": "h", "PORT": "1"}) == expanded


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        pytest.param({"env": [{"name": "A", "value": "1"}]}, {"A": "1"}, id="a plain value"),
        pytest.param({"env": [{"name": "A"}]}, {"A": ""}, id="a value without text is empty"),
        pytest.param(
            {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)2"}]},
            {"A": "1", "B": "12"},
            id="a later value sees an earlier one",
        ),
        pytest.param(
            {"env": [{"name": "B", "value": "$(A)2"}, {"name": "A", "value": "1"}]},
            {"A": "1", "B": "$(A)2"},
            id="an earlier value does not see a later one",
        ),
        pytest.param(
            {"env": [{"name": "BASE", "value": "own"}]}, {"BASE": "own"}, id="the pod's setting wins over the node's"
        ),
        pytest.param(
            {"envFrom": [{"configMapRef": {"name": "settings"}}], "env": [{"name": "COLOUR", "value": "blue"}]},
            {"COLOUR": "blue"},
            id="env wins over envFrom",
        ),
        pytest.param(
            {"envFrom": [{"prefix": "UI_", "configMapRef": {"name": "settings"}}]},
            {"UI_COLOUR": "red"},
            id="envFrom may add a prefix",
        ),
        pytest.param(
            {"envFrom": [{"secretRef": {"name": "gone", "optional": True}}]}, {}, id="an optional secret may be missing"
        ),
        pytest.param(
            {"env": [{"name": "T", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "token"}}}]},
            {"T": "t0p"},
            id="a key of a secret",
        ),
        pytest.param(
            {"env": [{"name": "T", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "x", "optional": True}}}]},
            {},
            id="an optional key may be missing",
        ),
    ],
)
def test_variables_come_from_base_then_sources_then_values(container: dict[str, Any], expected: dict[str, str]) -> None:
    assert environment.variables(container, POD, {"BASE": "node"}, SOURCES) == {"BASE": "node"} | expected


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "worker-1"),
        ("metadata.namespace", "shop"),
        ("metadata.labels['app.kubernetes.io/name']", "worker"),
        ("metadata.annotations['none']", ""),
        ("spec.nodeName", "processes"),
        ("status.podIP", "127.9.0.1"),
        ("status.podIPs", "127.9.0.1"),
    ],
)
def test_the_downward_api_provides(path: str, value: str) -> None:
    container = {"env": [{"name": "V", "valueFrom": {"fieldRef": {"fieldPath": path}}}]}
    assert environment.variables(container, POD, {}, {}) == {"V": value}


@pytest.mark.parametrize(
    ("container", "sentence"),
    [
        pytest.param(
            {"envFrom": [{"configMapRef": {"name": "none"}}]},
            "configMapRef none is not there",
            id="a missing config map",
        ),
        pytest.param(
            {"env": [{"name": "T", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "x"}}}]},
            "key x is not there",
            id="a missing key",
        ),
        pytest.param(
            {"env": [{"name": "T", "valueFrom": {"resourceFieldRef": {}}}]}, "not supported", id="a resource field"
        ),
        pytest.param(
            {"env": [{"name": "T", "valueFrom": {"fieldRef": {"fieldPath": "spec.x"}}}]},
            "not supported by this node",
            id="an unknown field",
        ),
    ],
)
def test_what_cannot_be_given_is_said(container: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UnsupportedError, match=sentence):
        environment.variables(container, POD, {}, SOURCES)


def test_command_and_arguments_are_one_expanded_list() -> None:
    container = {"name": "c", "command": ["serve", "--host=$(HOST)"], "args": ["--verbose"]}
    assert environment.command(container, {"HOST": "h"}) == ["serve", "--host=h", "--verbose"]


def test_a_container_without_a_command_is_refused_since_there_are_no_images() -> None:
    with pytest.raises(UnsupportedError, match="no images"):
        environment.command({"name": "c", "args": ["--verbose"]}, {})


def test_every_source_of_the_environment_is_named_once() -> None:
    reference = {"configMapKeyRef": {"name": "settings", "key": "a"}}
    container = {
        "envFrom": [{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "keys"}}],
        "env": [{"name": "A", "valueFrom": reference}, {"name": "B", "value": "1"}],
    }
    assert environment.references(container) == {("configmaps", "settings"), ("secrets", "keys")}


def test_secrets_are_decoded_and_config_maps_are_not() -> None:
    encoded = base64.b64encode(b"t0p").decode()
    assert environment.decoded("secrets", {"data": {"token": encoded}}) == {"token": "t0p"}
    assert environment.decoded("configmaps", {"data": {"a": "b"}}) == {"a": "b"}
    assert environment.decoded("configmaps", {}) == {}
    assert environment.decoded("configmaps", None) is None
