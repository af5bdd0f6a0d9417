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
    {
        "plain text stays": ("plain", "plain"),
        "a known name is replaced": ("--host=$(HOST)", "--host=h"),
        "an unknown name stays as it is": ("$(NOBODY)", "$(NOBODY)"),
        "two dollars are one": ("$$5", "$5"),
        "two dollars protect a reference": ("$$(HOST)", "$(HOST)"),
        "three dollars are a dollar and a value": ("$$$(HOST)", "$h"),
        "shell syntax is left to the shell": ("$HOST ${HOST}", "$HOST ${HOST}"),
        "an open bracket is text": ("$(HOST", "$(HOST"),
        "several references": ("$(HOST):$(PORT)", "h:1"),
    }.values(),
)
def test_references_expand_as_in_kubernetes(text: str, expanded: str) -> None:
    assert environment.expand(text, {"HOST": "h", "PORT": "1"}) == expanded


@pytest.mark.parametrize(
    ("container", "expected"),
    {
        "a plain value": ({"env": [{"name": "A", "value": "1"}]}, {"A": "1"}),
        "a value without text is empty": ({"env": [{"name": "A"}]}, {"A": ""}),
        "a later value sees an earlier one": (
            {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)2"}]},
            {"A": "1", "B": "12"},
        ),
        "an earlier value does not see a later one": (
            {"env": [{"name": "B", "value": "$(A)2"}, {"name": "A", "value": "1"}]},
            {"A": "1", "B": "$(A)2"},
        ),
        "the pod's setting wins over the node's": ({"env": [{"name": "BASE", "value": "own"}]}, {"BASE": "own"}),
        "env wins over envFrom": (
            {"envFrom": [{"configMapRef": {"name": "settings"}}], "env": [{"name": "COLOUR", "value": "blue"}]},
            {"COLOUR": "blue"},
        ),
        "envFrom may add a prefix": (
            {"envFrom": [{"prefix": "UI_", "configMapRef": {"name": "settings"}}]},
            {"UI_COLOUR": "red"},
        ),
        "an optional secret may be missing": ({"envFrom": [{"secretRef": {"name": "gone", "optional": True}}]}, {}),
        "a key of a secret": (
            {"env": [{"name": "T", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "token"}}}]},
            {"T": "t0p"},
        ),
        "an optional key may be missing": (
            {"env": [{"name": "T", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "x", "optional": True}}}]},
            {},
        ),
    }.values(),
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
def test_the_downward_api_knows(path: str, value: str) -> None:
    container = {"env": [{"name": "V", "valueFrom": {"fieldRef": {"fieldPath": path}}}]}
    assert environment.variables(container, POD, {}, {}) == {"V": value}


@pytest.mark.parametrize(
    ("container", "sentence"),
    {
        "a missing config map": ({"envFrom": [{"configMapRef": {"name": "none"}}]}, "configMapRef none is not there"),
        "a missing key": (
            {"env": [{"name": "T", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "x"}}}]},
            "key x is not there",
        ),
        "a resource field": ({"env": [{"name": "T", "valueFrom": {"resourceFieldRef": {}}}]}, "not supported"),
        "an unknown field": ({"env": [{"name": "T", "valueFrom": {"fieldRef": {"fieldPath": "spec.x"}}}]}, "not known"),
    }.values(),
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
