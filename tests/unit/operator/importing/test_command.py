"""`qwp import` as people and pipelines call it."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from queueworkerpool.__main__ import main

URL = "https://sqs.eu-west-1.amazonaws.com/111122223333/orders"


def scaled_object(name: str = "orders", url: str = URL, more: str = "") -> str:
    return (
        f"apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {{name: {name}}}\nspec:\n"
        f"  scaleTargetRef: {{name: worker}}\n{more}"
        f"  triggers:\n  - type: aws-sqs-queue\n    metadata: {{queueURL: {url}, awsRegion: eu-west-1}}\n"
    )


CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"
ALERTS = (
    "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: r}\n"
    "spec: {groups: [{rules: [{alert: Down, annotations: {summary: '{{ $labels.pod }} is down'}}]}]}\n"
)
HPA = (
    "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: h}\nspec:\n  maxReplicas: 5\n"
    "  scaleTargetRef: {name: worker}\n  metrics: [{type: External, external: %s}]\n"
)
WITH_A_LOSS = scaled_object(more="  initialCooldownPeriod: 60\n")


def qwp(*arguments: str, stdin: str | bytes = "") -> Result:
    return CliRunner().invoke(main, ["import", *arguments], input=stdin)


EXITS: dict[str, tuple[str | bytes, int, int]] = {
    "a ScaledObject that is carried over whole": (scaled_object(), 0, 0),
    "a ScaledObject with a field that has no equal": (WITH_A_LOSS, 0, 1),
    "a ScaledObject that is refused, after another": (scaled_object() + "---\n" + scaled_object(url="orders"), 1, 1),
    "objects of other kinds beside it": (CONFIG_MAP + "---\n" + scaled_object(), 0, 0),
    "an alert with a template of its own beside it": (ALERTS + "---\n" + scaled_object(), 0, 0),
    "an object whose kind is a template": ("apiVersion: v1\nkind: '{{ .kind }}'\n---\n" + scaled_object(), 1, 1),
    "two that would be one pool": (scaled_object() + "---\n" + scaled_object(), 1, 1),
    "an HPA on a metric of SQS that is not known": (
        HPA % "{metric: {name: 'dd@x:sqs-a'}}" + "---\n" + scaled_object(),
        1,
        1,
    ),
    "an HPA of an older version on such a metric": (
        HPA % "{metricName: SQS_messages}" + "---\n" + scaled_object(),
        1,
        1,
    ),
    "an HPA on a metric of something else": (HPA % "{metric: {name: kafka_lag}}" + "---\n" + scaled_object(), 0, 0),
    "only objects of other kinds": (CONFIG_MAP, 1, 1),
    "broken YAML": ("a: [", 1, 1),
    "text": ("hello", 1, 1),
    "nothing": ("", 1, 1),
    "not UTF-8": (b"a: \xff", 1, 1),
}


@pytest.mark.parametrize(("stdin", "code", "strict_code"), EXITS.values(), ids=EXITS.keys())
def test_the_exit_code(stdin: str | bytes, code: int, strict_code: int) -> None:
    assert qwp("-f", "-", stdin=stdin).exit_code == code
    assert qwp("-f", "-", "--strict", stdin=stdin).exit_code == strict_code


@pytest.mark.parametrize("arguments", [(), ("-f", "no-such-file"), ("-f", "/"), ("-f", "-", "--mode", "Auto"), ("x",)])
def test_wrong_usage_ends_with_2(arguments: tuple[str, ...]) -> None:
    assert qwp(*arguments).exit_code == 2


def test_pools_go_to_standard_output_and_sentences_to_standard_error(tmp_path: Path) -> None:
    path = tmp_path / "orders.yaml"
    path.write_text(WITH_A_LOSS)
    result = qwp("-f", str(path))
    assert result.stdout.startswith(f"---\n# From ScaledObject orders ({path}:1), by qwp import.\n")
    loss = "a new pool may go to zero as soon as its queues were empty for long enough"
    assert result.stderr == f"{path}:6: spec.initialCooldownPeriod: {loss}\n"


@pytest.mark.parametrize(
    "owner",
    [
        *("app.kubernetes.io/managed-by", "argocd.argoproj.io/instance", "meta.helm.sh/release-name"),
        *("kustomize.toolkit.fluxcd.io/name", "applyset.kubernetes.io/part-of", "kapp.k14s.io/app"),
        *("config.k8s.io/owning-inventory", "objectset.rio.cattle.io/hash"),
    ],
)
def test_no_tool_takes_a_pool_for_its_own_and_deletes_it(owner: str) -> None:
    marks = f"{{name: orders, labels: {{{owner}: x, team: a}}, annotations: {{{owner}: x, note: b}}}}"
    printed = qwp("-f", "-", stdin=scaled_object().replace("{name: orders}", marks)).stdout
    assert (owner in printed, "    team: a\n" in printed, "    note: b\n" in printed) == (False, True, True)


def test_a_fifo_queue_that_is_guessed_by_the_name_of_a_metric_is_told() -> None:
    by = "{metric: {name: s0-aws-sqs-a-fifo}, target: {type: AverageValue, averageValue: 5}}"
    result = qwp("-f", "-", "--queues-at", URL.removesuffix("/orders"), stdin=HPA % by)
    assert "/a.fifo\n" in result.stdout
    said = 'KEDA writes a dash for a dot, so it is read as the FIFO queue "a.fifo"'
    assert result.stderr == f"<stdin>:7: spec.metrics[0].external.metric.name: {said}\n"


@pytest.mark.parametrize(("more", "told"), [("", True), ("  minReplicaCount: 1\n", False)])
def test_an_activation_that_no_longer_leads_back_to_zero_is_told(more: str, told: bool) -> None:
    active = scaled_object(more=more).replace("awsRegion:", 'activationQueueLength: "9", awsRegion:')
    result = qwp("-f", "-", stdin=active)
    assert "  activationMessages: 9\n" in result.stdout
    assert ("it holds for the step from zero; KEDA also scales in" in result.stderr) == told


def test_only_pools_are_printed() -> None:
    assert "ConfigMap" not in qwp("-f", "-", stdin=CONFIG_MAP + "---\n" + scaled_object()).output


def test_nothing_to_import_is_said() -> None:
    said = "nothing was imported: there is no ScaledObject, HPA on SQS or WorkerPodAutoScaler\n"
    assert qwp("-f", "-", stdin=CONFIG_MAP).output == said


def test_several_files_are_one_import_in_which_an_authentication_may_be_in_another_one(tmp_path: Path) -> None:
    by = "    authenticationRef: {name: role}\n"
    authentication = (
        "apiVersion: keda.sh/v1alpha1\nkind: TriggerAuthentication\nmetadata: {name: role}\n"
        "spec: {podIdentity: {provider: aws, roleArn: 'arn:aws:iam::111122223333:role/reader'}}\n"
    )
    (tmp_path / "a.yaml").write_text(scaled_object() + by)
    (tmp_path / "b.yaml").write_text(authentication)
    said = qwp("-f", str(tmp_path / "a.yaml"), "-f", str(tmp_path / "b.yaml")).stderr
    assert 'roleArn: "arn:aws:iam::111122223333:role/reader"' in said
    assert f"(TriggerAuthentication role, {tmp_path / 'b.yaml'}:1)" in said


def test_a_file_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(scaled_object())
    (tmp_path / "bad.yaml").write_bytes(b"\xff")
    result = qwp("-f", str(tmp_path / "bad.yaml"), "-f", str(tmp_path / "good.yaml"))
    assert result.exit_code == 1
    assert "name: orders" in result.stdout
    assert result.stderr == f"{tmp_path / 'bad.yaml'}: it is not UTF-8 from byte 0 on; save it as UTF-8\n"


def test_the_mode_is_the_callers_choice() -> None:
    assert "  mode: DryRun\n" in qwp("-f", "-", "--mode", "DryRun", stdin=scaled_object()).stdout


def test_a_queue_that_is_only_named_is_where_the_caller_says() -> None:
    at = "https://sqs.eu-west-1.amazonaws.com/111122223333/"
    assert f"url: {at}orders\n" in qwp("-f", "-", "--queues-at", at, stdin=scaled_object(url="orders")).stdout


def test_what_comes_out_is_what_validate_takes_in() -> None:
    printed = qwp("-f", "-", stdin=scaled_object()).stdout
    validated = CliRunner().invoke(main, ["validate", "-f", "-"], input=printed)
    assert (validated.exit_code, validated.output) == (0, '<stdin>: QueueWorkerPool "orders": valid\n')


def test_what_a_source_holds_cannot_leave_a_comment_or_move_the_cursor() -> None:
    hostile = scaled_object(more='  "x: 1\\nspec\\u001b[2J": 1\n')
    result = qwp("-f", "-", stdin=hostile)
    assert result.exit_code == 0
    assert "\x1b" not in result.output
    assert "\nspec\x1b" not in result.stdout
    assert len([line for line in result.stdout.splitlines() if line.startswith("spec")]) == 1


def test_what_is_cut_off_is_not_said_to_be_where_it_is_not() -> None:
    """`qwp validate` has it all in its JSON; this command prints none."""
    told = qwp("-f", "-", stdin=scaled_object(name="x" * 3000)).stderr
    assert max(map(len, told.splitlines())) < 1100
    assert "-o json" not in told
