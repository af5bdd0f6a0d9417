"""Settings from flags and the environment: a typo stops the start."""

from dataclasses import fields

import pytest
from click.testing import CliRunner

from queueworkerpool.__main__ import main
from queueworkerpool.errors import SettingsInvalidError
from queueworkerpool.settings import ENV_PREFIX, Settings, reject_unknown

NAMES = [setting.name for setting in fields(Settings)]
ALL = ", ".join(ENV_PREFIX + name.upper() for name in NAMES)


def test_the_defaults() -> None:
    assert Settings() == Settings(
        namespaces=(),
        http_host="",
        http_port=9090,
        tls_cert="",
        tls_key="",
        tls_client_ca="",
        log_level="info",
        log_format="json",
        region=None,
        sqs_endpoints="",
        tenants="",
        tenants_file="",
        read_workers=16,
        write_workers=8,
        lease="",
        identity="",
        shards=1,
        scale_targets="",
        own_deployment="",
    )


def test_every_setting_and_every_variable_of_others_is_accepted() -> None:
    reject_unknown({ENV_PREFIX + name.upper(): "1" for name in NAMES} | {"PATH": "/bin", "AWS_REGION": "x", "QWP": ""})


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("QWP_LOGLEVEL", "QWP_LOG_LEVEL"),
        ("QWP_NAMESPACE", "QWP_NAMESPACES"),
        ("QWP_HTTP_PORTS", "QWP_HTTP_PORT"),
        ("QWP_region", "QWP_REGION"),
    ],
)
def test_a_typo_is_reported_with_the_nearest_setting(name: str, near: str) -> None:
    with pytest.raises(SettingsInvalidError) as caught:
        reject_unknown({name: "1"})
    assert str(caught.value) == f"{name} is not a setting; did you mean {near}? All: {ALL}"


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_is_a_flag_and_a_variable_with_help(name: str) -> None:
    shown = " ".join(CliRunner().invoke(main, ["operator", "--help"], terminal_width=200).output.split())
    assert f"--{name.replace('_', '-')} " in shown
    assert f"{ENV_PREFIX}{name.upper()}" in shown
    [setting] = [setting for setting in fields(Settings) if setting.name == name]
    assert setting.metadata["help"] in shown


@pytest.mark.parametrize(
    "arguments",
    [
        ["--http-port", "65536"],
        ["--http-port", "-1"],
        ["--http-port", "http"],
        ["--log-level", "loud"],
        ["--log-format", "xml"],
        ["--read-workers", "0"],
        ["--read-workers", "257"],
        ["--write-workers", "0"],
        ["--write-workers", "65"],
        ["--lease", "name"],
        ["--lease", "/name"],
        ["--lease", "namespace/"],
        ["--lease", "a/b/c"],
        ["--shards", "2"],
        ["--shards", "0", "--lease", "a/b"],
        ["--shards", "17", "--lease", "a/b"],
        ["--own-deployment", "name"],
        ["--own-deployment", "a/b/c"],
        ["--tls-cert", "tls.crt"],
        ["--tls-key", "tls.key"],
        ["--tls-client-ca", "ca.crt"],
        ["--namespaces", "team-*"],
        ["--namespaces", "shop,Bank"],
        ["--namespaces", "shop;bank"],
        ["--namespaces", "a" * 64],
        ["--unknown"],
        ["extra"],
    ],
)
def test_an_invalid_flag_stops_the_start(arguments: list[str]) -> None:
    result = CliRunner().invoke(main, ["operator", *arguments])
    assert (result.exit_code, "Usage: " in result.output) == (2, True)


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        ({"QWP_HTTP_PORT": "no"}, "'no' is not a valid integer range"),
        ({"QWP_LOG_LEVEL": "loud"}, "'loud' is not one of"),
        ({"QWP_LOGLEVEL": "info"}, "QWP_LOGLEVEL is not a setting; did you mean QWP_LOG_LEVEL?"),
    ],
)
def test_an_invalid_variable_stops_the_start(environment: dict[str, str], problem: str) -> None:
    result = CliRunner().invoke(main, ["operator"], env=environment)
    assert (result.exit_code, problem in result.output) == (2, True)
