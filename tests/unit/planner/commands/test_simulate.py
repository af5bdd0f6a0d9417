"""`qwp simulate`: what it plays, what it prints, and the sentence for everything that is wrong."""

import csv
import io
import json
from pathlib import Path

import pytest

from queueplanner.commands import comparing
from tests.unit.planner.commands.conftest import HUGE, LOAD, POOL, WORK, Simulate

CRON = """\
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: thumbnails}
spec:
  scaleTargetRef: {name: thumbnailer}
  triggers:
  - type: aws-sqs-queue
    metadata: {queueLength: "5"}
  - type: cron
    metadata: {timezone: Europe/Berlin, start: 0 3 * * *, end: 0 5 * * *, desiredReplicas: "5"}
"""


def test_a_pool_and_a_rival_are_compared_in_a_table(simulate: Simulate) -> None:
    done = simulate("-f", "pool.yaml", "--rival", "keda", *LOAD, *WORK, files={"pool.yaml": POOL})
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "burst:messages=40,seconds=10m: 40 messages in 10m"
    assert lines[2].split() == ["qwp/thumbnails", "keda"]
    [hours] = [line.split() for line in lines if line.startswith("  pod-hours")]
    assert hours.count("*") == 1
    assert [line for line in lines if len(line) > 100] == []


def test_two_manifests_of_one_name_are_compared(simulate: Simulate) -> None:
    files = {"pool.yaml": POOL, "new.yaml": POOL.replace("messagesPerPod: 5", "messagesPerPod: 2")}
    names = ["qwp/thumbnails (pool.yaml)", "qwp/thumbnails (new.yaml)"]
    arguments = ("-f", "pool.yaml", "-f", "new.yaml", *LOAD, *WORK)
    found = json.loads(simulate(*arguments, "-o", "json", files=files).stdout)["policies"]
    rows = list(csv.DictReader(io.StringIO(simulate(*arguments, "-o", "csv").stdout)))
    assert [each["name"] for each in found] == [row["policy"] for row in rows] == names
    assert found[0]["mean"]["podHours"] < found[1]["mean"]["podHours"]
    assert "  ".join(names) in " ".join(simulate(*arguments).stdout.splitlines()[2].split("   "))


def test_a_scaled_object_keeps_pods_in_the_window_of_its_cron_trigger_without_a_message(simulate: Simulate) -> None:
    """The load begins on a Monday at midnight, UTC, which is 01:00 in Berlin; five pods stay for two of its hours."""
    files = {"so.yaml": CRON}
    arguments = ("-f", "so.yaml", "--shape", "steady:per_second=0,seconds=6h", *WORK, "-o", "json")
    [found] = json.loads(simulate(*arguments, files=files).stdout)["policies"]
    assert found["mean"]["podHours"] == pytest.approx(5 * 2, rel=0.05)


def test_the_best_of_a_row_is_marked_unless_all_are_the_same(simulate: Simulate) -> None:
    done = simulate("-f", "pool.yaml", "--rival", "keda", *LOAD, *WORK, files={"pool.yaml": POOL})
    rows = {line[:24].strip(): line[24:].split() for line in done.stdout.splitlines() if line.startswith("  ")}
    assert rows["changes of the size"].index("*") == 1
    assert rows["p99"].index("*") == 2  # after the number and its unit: the pool grows in one step
    alone = simulate("-f", "pool.yaml", *LOAD, *WORK)
    assert " *" not in alone.stdout


def test_what_is_zero_for_all_has_no_row(simulate: Simulate) -> None:
    lines = simulate("--rival", "keda", *LOAD, *WORK).stdout.splitlines()
    assert [line for line in lines if line.startswith("  lost")] == []
    [silent] = [line for line in lines if line.startswith("zero, or not known: ")]
    assert "waited above the SLO" in silent


def test_what_has_no_row_is_named_with_its_section_where_others_are_called_so_too(simulate: Simulate) -> None:
    nothing = simulate("--rival", "keda", "--shape", "steady:per_second=0,seconds=1h", *WORK).stdout.replace("\n", " ")
    assert "wait p50; wait p95; wait p99; wait max; time p50; time p95; time p99; time max" in nothing


def test_many_policies_are_shown_in_blocks_that_fit_a_line(simulate: Simulate) -> None:
    names = "keda,keda-expert,hpa,hpa-expert,wpa,wpa-expert,kube-sqs-autoscaler"
    done = simulate("--rival", names, *LOAD, *WORK)
    heads = [line.split() for line in done.stdout.splitlines() if "keda " in f"{line} " or "autoscaler" in line][:2]
    assert [name for line in heads for name in line if name in names.split(",")] != []
    assert max(len(line) for line in done.stdout.splitlines()) <= 100
    assert done.stdout.count("pod-hours") == 2


def test_a_long_name_is_cut_in_its_middle_so_that_a_line_has_room_for_it(simulate: Simulate) -> None:
    long = POOL.replace("thumbnails}", f"a{'b' * 250}c}}")
    lines = simulate("-f", "a", "--rival", "keda", *LOAD, *WORK, files={"a": long}).stdout.splitlines()
    assert max(map(len, lines)) == 100
    [name] = [line.strip() for line in lines if line.strip().startswith("qwp/")]
    assert name.startswith("qwp/abbb")
    assert "b…b" in name
    assert name.endswith("bbc")


def test_a_name_cannot_write_to_the_terminal(simulate: Simulate) -> None:
    hpa = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: "h\\e[31m"}
spec: {maxReplicas: 3, scaleTargetRef: {kind: Deployment, name: h}, metrics: [{type: External, external: {
  metric: {name: sqs}, target: {type: AverageValue, averageValue: 5}}}]}
"""
    shown = simulate("-f", "a", *LOAD, *WORK, files={"a": hpa}).output.splitlines()
    assert shown[2].strip() == "hpa/h\\x1b[31m"


def test_json_has_every_figure_of_every_run(simulate: Simulate) -> None:
    done = simulate(
        "-f", "pool.yaml", "--runs", "2", "--seed", "7", *LOAD, *WORK, "-o", "json", files={"pool.yaml": POOL}
    )
    found = json.loads(done.stdout)
    [policy] = found["policies"]
    assert (policy["name"], found["seeds"], [run["seed"] for run in policy["runs"]]) == (
        "qwp/thumbnails",
        [7, 8],
        [7, 8],
    )
    assert set(policy["mean"]) | {"seed", "mode", "messages"} == set(policy["runs"][0])
    assert (policy["mean"]["unhandled"], policy["mean"]["aboveSlo"]) == (0, None)
    assert found["load"] == {"description": "burst:messages=40,seconds=10m", "seconds": 600}


def test_what_was_calculated_in_groups_says_so(simulate: Simulate) -> None:
    groups = ("--rival", "keda", *LOAD, *WORK, "--mode", "aggregated")
    assert "- calculated in the aggregated mode, in groups" in simulate(*groups).stdout
    [policy] = json.loads(simulate(*groups, "-o", "json").stdout)["policies"]
    assert [run["mode"] for run in policy["runs"]] == ["aggregated"]
    [row] = csv.DictReader(io.StringIO(simulate(*groups, "-o", "csv").stdout))
    assert row["mode"] == "aggregated"
    assert "aggregated" not in simulate("--rival", "keda", *LOAD, *WORK).stdout


def test_csv_has_a_row_for_each_run(simulate: Simulate) -> None:
    done = simulate("--rival", "keda,wpa", "--runs", "2", "--slo", "60s", *LOAD, *WORK, "-o", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(row["policy"], row["seed"]) for row in rows] == [("keda", "1"), ("keda", "2"), ("wpa", "1"), ("wpa", "2")]
    assert all(float(row["podHours"]) > 0 for row in rows)


def test_what_was_assumed_is_told(simulate: Simulate) -> None:
    done = simulate("--rival", "keda", *LOAD, "--service", "2s", "-o", "json")
    notes = json.loads(done.stdout)["notes"]
    assert [note.partition(":")[0] for note in notes] == [
        "a pod was assumed to take 20 s from its creation to its first receive",
        "a pod was assumed to handle one message at a time",
        "every message was assumed to take as long as the others",
    ]


def test_messages_that_are_left_are_told_for_their_wait_is_in_no_figure(simulate: Simulate) -> None:
    done = simulate("--rival", "kube-sqs-autoscaler", "--shape", "burst:messages=90,seconds=10m", "--service", "5m")
    assert "kube-sqs-autoscaler left 87 messages in the queue" in " ".join(done.stdout.split())


def test_service_times_may_be_measured_ones(simulate: Simulate) -> None:
    asked = ("--rival", "keda", "--shape", "burst:messages=1", "--service-histogram", "a", "-o", "csv")
    [row] = csv.DictReader(io.StringIO(simulate(*asked, files={"a": "seconds,count\n100,0\n200,5\n"}).stdout))
    assert 100 < float(row["totalMaxSeconds"]) - float(row["waitMaxSeconds"]) < 200


def test_while_the_handlers_fail_messages_wait_for_the_end_of_it(simulate: Simulate) -> None:
    asked = ("--rival", "wpa", *LOAD, *WORK, "-o", "csv")
    [well] = csv.DictReader(io.StringIO(simulate(*asked).stdout))
    [badly] = csv.DictReader(io.StringIO(simulate(*asked, "--outage", "0s+5m", "--retry-after", "10s").stdout))
    assert (int(well["failed"]), float(well["totalP50Seconds"]) < 60) == (0, True)
    assert (int(badly["failed"]) > 0, float(badly["totalP50Seconds"]) > 290) == (True, True)


DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: thumbnailer}
spec:
  template:
    spec:
      terminationGracePeriodSeconds: 90
      containers:
      - {name: worker, args: [--concurrency=4]}
"""


def test_concurrency_comes_from_the_deployment_beside_the_pool(simulate: Simulate) -> None:
    files = {"all.yaml": f"{POOL}---\n{DEPLOYMENT}"}
    done = simulate("-f", "all.yaml", *LOAD, "--service", "2s~0.5", "--startup", "10s", "-o", "json", files=files)
    assert json.loads(done.stdout)["notes"] == []


def test_manifests_may_come_from_standard_input(simulate: Simulate) -> None:
    done = simulate("-f", "-", *LOAD, *WORK, "-o", "csv", given=POOL)
    assert done.stdout.splitlines()[1].startswith("qwp/thumbnails,1,40,")


def test_the_shapes_are_listed(simulate: Simulate) -> None:
    done = simulate("--shapes")
    assert (done.exit_code, "daily: A rate that follows the day" in done.stdout) == (0, True)


def test_the_first_run_of_each_policy_is_drawn(simulate: Simulate, tmp_path: Path) -> None:
    done = simulate("--rival", "keda,wpa", "--runs", "2", *LOAD, *WORK, "--picture", "a.svg")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "means of 2 runs" in done.stdout
    assert "<svg" in (tmp_path / "a.svg").read_text()


def test_a_page_is_written(simulate: Simulate, tmp_path: Path) -> None:
    done = simulate("--rival", "keda,wpa", *LOAD, *WORK, "--html", "a.html")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "<table>" in (tmp_path / "a.html").read_text()


def test_who_leaves_messages_is_best_in_nothing(simulate: Simulate) -> None:
    asked = ("--shape", "burst:messages=90,seconds=10m", "--service", "1m")
    done = simulate("--rival", "kube-sqs-autoscaler,wpa,keda", *asked)
    [hours] = [line.split()[1:] for line in done.stdout.splitlines() if "pod-hours" in line]
    assert float(hours[0]) < float(hours[1])
    assert (hours.count("*"), hours[1] == "*") == (1, False)


def test_several_processes_give_the_same(simulate: Simulate) -> None:
    asked = ("--rival", "keda,wpa", *LOAD, *WORK, "-o", "csv")
    assert simulate(*asked, "--processes", "2").stdout == simulate(*asked).stdout


@pytest.mark.parametrize(("mode", "found"), [("auto", "exact"), ("exact", "exact"), ("aggregated", "aggregated")])
def test_the_mode_can_be_chosen(mode: str, found: str, simulate: Simulate) -> None:
    done = simulate("--rival", "keda", *LOAD, *WORK, "--mode", mode, "-o", "json")
    assert json.loads(done.stdout)["policies"][0]["runs"][0]["mode"] == found


def test_ctrl_c_ends_it_without_a_traceback(simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(comparing, "judge_all", interrupted)
    done = simulate("--rival", "keda", *LOAD, *WORK)
    assert (done.exit_code, done.output) == (130, "")


def test_the_rivals_are_listed(simulate: Simulate) -> None:
    done = simulate("--rivals")
    assert (done.exit_code, "wpa: worker-pod-autoscaler with its defaults" in done.stdout) == (0, True)


def test_what_several_policies_assume_is_told_once(simulate: Simulate) -> None:
    done = simulate("--rival", "hpa,hpa-expert", *LOAD, *WORK)
    assert done.stdout.count("- hpa, hpa-expert: ") >= 1
    assert "- hpa: " not in done.stdout


WRONG: dict[str, tuple[tuple[str, ...], dict[str, str | bytes], str]] = {
    "no policy": ((*LOAD, *WORK), {}, "say what to play: -f FILE with a pool, or --rival keda"),
    "no load": (("--rival", "keda", *WORK), {}, "say what comes into the queue, such as --shape steady:per_second=5"),
    "two loads": (("--rival", "keda", *LOAD, "--load", "a.csv", *WORK), {}, "--shape and --load: give one load"),
    "no service time": (("--rival", "keda", *LOAD), {}, "say how long a worker takes for one message, such"),
    "two service times": (
        ("--rival", "wpa", *LOAD, *WORK, "--service-histogram", "a"),
        {},
        "--service and --service-histogram: give one of them",
    ),
    "a histogram that is none": (
        ("--rival", "wpa", *LOAD, "--service-histogram", "a"),
        {"a": "x"},
        "--service-histogram a: row 1: there is no column 'seconds': give a CSV with seconds and count, or what a",
    ),
    "an unknown rival": (("--rival", "keda,hal", *LOAD, *WORK), {}, "--rival 'hal' is none of "),
    "a rival twice": (("--rival", "wpa,wpa", *LOAD, *WORK), {}, "--rival wpa is given twice: once is enough"),
    "an unknown shape": (("--rival", "wpa", "--shape", "cube", *WORK), {}, "--shape cube: 'cube' is none of steady, "),
    "an unknown key": (("--rival", "wpa", "--shape", "steady:x=1", *WORK), {}, "steady has no parameter 'x': it has"),
    "a file that is not there": (("-f", "no.yaml", *LOAD, *WORK), {}, "-f no.yaml: No such file or directory"),
    "a folder": (("-f", ".", *LOAD, *WORK), {}, "-f .: Is a directory"),
    "an empty file": (("-f", "a.yaml", *LOAD, *WORK), {"a.yaml": ""}, "a.yaml: there is no object in it"),
    "a binary file": (("-f", "a", *LOAD, *WORK), {"a": b"\xff\x00\x01"}, "-f a: it is not UTF-8 from byte 0 on"),
    "broken YAML": (("-f", "a", *LOAD, *WORK), {"a": "a: [1"}, "a:2: it cannot be read: "),
    "a template": (("-f", "a", *LOAD, *WORK), {"a": "a: {{ x }}"}, "a:1: it is a template"),
    "no policy in a file": (
        ("-f", "a", *LOAD, *WORK),
        {"a": "apiVersion: v1\nkind: Service\nmetadata: {name: web}"},
        "say what to play (a:1: Service web: that is none): -f FILE",
    ),
    "an invalid pool": (
        ("-f", "a", *LOAD, *WORK),
        {"a": POOL.replace("maxReplicas: 20", "maxReplicas: -3")},
        "a:1: QueueWorkerPool thumbnails: spec.maxReplicas: Invalid value: -3",
    ),
    "a negative time": (("--rival", "wpa", *LOAD, "--service", "-3s"), {}, "'--service': '-3s': write it with"),
    "a time without unit": (("--rival", "wpa", *LOAD, "--service", "10"), {}, "'10': write it with its unit, such as"),
    "no time at all": (("--rival", "wpa", *LOAD, "--service", "0s"), {}, "'0s' is nothing: write a time above zero"),
    "an endless time": (("--rival", "wpa", *LOAD, "--service", "9999d"), {}, "'9999d' is more than 366d, the longest"),
    "next to no time": (("--rival", "wpa", *LOAD, "--service", "0.001ms"), {}, "'0.001ms' is less than 0.001s, the sh"),
    "next to no life": (("--rival", "wpa", *LOAD, *WORK, "--pod-lifetime", "1ms"), {}, "'1ms' is less than 1s, the sh"),
    "a load of ten years": (
        ("--rival", "wpa", "--load", "a", *WORK),
        {"a": "time,messages\n2016-01-01T00:00Z,5\n2026-01-01T00:00Z,5\n"},
        "--load a: it lasts 7306 days, and 366 are the most that are played: give a part of it",
    ),
    "a shape of ten years": (
        ("--rival", "wpa", "--shape", "steady:per_second=0.01,seconds=3650d", *WORK),
        {},
        "it lasts 3650 days, and 366 are the most",
    ),
    "a spread of nonsense": (("--rival", "wpa", *LOAD, "--service", "9s~nan"), {}, "'9s~nan': after ~ comes the"),
    "an outage without end": (("--rival", "wpa", *LOAD, *WORK, "--outage", "2h"), {}, "'2h': write when it begins and"),
    "an outage of nothing": (("--rival", "wpa", *LOAD, *WORK, "--outage", "2h+0s"), {}, "'0s' is nothing: write a"),
    "a share above one": (("--rival", "wpa", *LOAD, *WORK, "--fail-share", "2"), {}, "'2': write a number from 0 to 1"),
    "a past without its pool": (
        ("--rival", "wpa", "--from-prometheus", "http://localhost:1", *WORK),
        {},
        "--from-prometheus needs --pool NAMESPACE/NAME, whose past it is",
    ),
    "a pool of no namespace": (
        ("--rival", "wpa", "--from-prometheus", "http://localhost:1", "--pool", "a", *WORK),
        {},
        "'a': write it as NAMESPACE/NAME, such as default/thumbnails",
    ),
    "no address": (
        ("--rival", "wpa", "--from-prometheus", "localhost", "--pool", "a/b", *WORK),
        {},
        "--from-prometheus localhost: 'localhost' is no address of a Prometheus server: write http://HOST:PORT",
    ),
    "a pool beside a shape": (("--rival", "wpa", *LOAD, "--pool", "a/b", *WORK), {}, "--pool belongs to --from-prom"),
    "a time beside a shape": (("--rival", "wpa", *LOAD, "--since", "7d", *WORK), {}, "--since belongs to --from-cloud"),
    "no queue": (("--rival", "wpa", "--from-cloudwatch", "a b", *WORK), {}, "--from-cloudwatch a b: 'a b' is no queue"),
    "no picture": (("--rival", "wpa", *LOAD, *WORK, "--picture", "a.gif"), {}, "a.gif: a picture's name ends in"),
    "a page to standard output": (("--rival", "wpa", *LOAD, *WORK, "--html", "-"), {}, "-: it is written to a file"),
    "a page of no name": (("--rival", "wpa", *LOAD, *WORK, "--html", ""), {}, "--html .: it is a folder: name a file"),
    "no folder": (("--rival", "wpa", *LOAD, *WORK, "--picture", "a/b.svg"), {}, "a/b.svg: there is no folder a"),
    "no number": (("--rival", "wpa", *LOAD, *WORK, "--pod-price", "nan"), {}, "'nan': write a number from 0 to 1e+06"),
    "no whole number": (("--rival", "wpa", *LOAD, *WORK, "--runs", "1.5"), {}, "'1.5': write a whole number from 1 to"),
    "a number of digits": (("--rival", "wpa", *LOAD, *WORK, "--runs", "9" * 99), {}, "write a whole number from 1 to"),
    "too many messages": (
        ("--rival", "wpa", "--shape", "steady:per_second=1e9", *WORK),
        {},
        "--shape steady:per_second=1e9: it might have 8.64e+13 messages, and 1,000,000,000 are the most that are",
    ),
    "too many sent again": (("--rival", "wpa", "--shape", "retry-storm:sends=1000000", *WORK), {}, "1.2e+09 messages"),
    "too many batches": (("--rival", "wpa", "--shape", "hourly-batch:messages=5e6", *WORK), {}, "1.2e+08 messages"),
    "too many together": (("--rival", "wpa", "--shape", "sparse:messages=1e6,every=1", *WORK), {}, "8.64e+10 mess"),
    "a crowd that stays": (("--rival", "wpa", "--shape", "flash-crowd:decay=9e9", *WORK), {}, "1.8e+11 messages, and"),
    "phases of next to no time": (
        ("--rival", "wpa", "--shape", "on-off:on=0.001,off=0.001,seconds=7d", *WORK),
        {},
        "it might have 6.05e+08 phases, and 20,000,000 are the most that are played",
    ),
    "many senders of short phases": (
        ("--rival", "wpa", "--shape", "self-similar:senders=1000,shortest=0.1", *WORK),
        {},
        "it might have 8.64e+08 phases, and 20,000,000 are the most that are played",
    ),
    "a tail as a shape": (
        ("--rival", "wpa", "--shape", "heavy-tailed", *WORK),
        {},
        "that many are short and a few very long is of the service time, such as --service 10s~3",
    ),
    "too many one by one": (
        ("--rival", "wpa", *HUGE, *WORK, "--mode", "exact"),
        {},
        "--mode exact: 103,680,000 messages are more than 20,000,000: leave the option out",
    ),
    "too many for a primary": (
        ("--rival", "primary,wpa", *HUGE, *WORK),
        {},
        "primary: 103,680,000 messages are more than 20,000,000: it is calculated message by message: leave it out",
    ),
    "a primary in groups": (
        ("--rival", "wpa,primary", *LOAD, *WORK, "--mode", "aggregated"),
        {},
        "--mode aggregated: it has no primary server: leave primary out, or the option",
    ),
    "too many at once": (("--rival", "wpa", "--shape", "burst:messages=1e12", *WORK), {}, "1e+12 messages, and 20,000"),
    "standard input twice": (("-f", "-", "--load", "-", *WORK), {}, "standard input (-) can be read once: give a file"),
    "an empty CSV": (("--rival", "wpa", "--load", "a", *WORK), {"a": ""}, "--load a: row 1: there is no column 'time'"),
    "a CSV that is none": (("--rival", "wpa", "--load", "a", *WORK), {"a": b"\xfe"}, "--load a: it is not UTF-8"),
}  # fmt: skip


@pytest.mark.parametrize(("given", "files", "sentence"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_ends_with_one_sentence(
    given: tuple[str, ...], files: dict[str, str | bytes], sentence: str, simulate: Simulate
) -> None:
    done = simulate(*given, files=files)
    assert (done.exit_code, done.stdout) == (2, "")
    assert isinstance(done.exception, SystemExit)
    assert sentence in done.stderr
