"""Each fixture becomes exactly its pools and says exactly its remarks; nothing of the source's comments is lost."""

import pytest
import yaml

from queueworkerpool.importing import Options, convert
from queueworkerpool.validate import validate
from queueworkerpool.validate.documents import comments_of
from tests.unit.operator.importing.shapes import NOW, SHAPES, Shape, pools_of, remarks_of

each_shape = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)


@each_shape
def test_a_shape_becomes_its_pools(shape: Shape) -> None:
    assert pools_of(shape.imported()) == shape.pools


@each_shape
def test_a_shape_says_what_is_not_carried_over_and_where(shape: Shape) -> None:
    assert remarks_of(shape.imported()) == shape.remarks


@each_shape
def test_every_pool_is_valid(shape: Shape) -> None:
    if shape.pools:
        assert [verdict.errors for verdict in validate(shape.pools, NOW) if verdict.errors] == []


@each_shape
def test_every_note_stands_beside_its_pool_too(shape: Shape) -> None:
    imported = shape.imported()
    written = pools_of(imported)
    assert [note for note in imported.notes if f"# - {note.field}: {note.text}\n" not in written] == []


@each_shape
def test_no_secret_of_a_source_comes_out(shape: Shape) -> None:
    imported = shape.imported()
    assert "never-to-be-printed" not in pools_of(imported) + remarks_of(imported)


def test_every_comment_of_a_scaled_object_is_kept() -> None:
    shape = next(shape for shape in SHAPES if shape.name == "02-comments")
    source = {comment.text for comment in comments_of((shape.folder / "source.yaml").read_text())}
    kept = {comment.text for comment in comments_of(shape.pools)}
    assert source
    assert source <= kept


TRIGGER = "  - type: aws-sqs-queue\n    metadata: {queueURL: https://sqs.eu-west-1.amazonaws.com/111122223333/%s}\n"
OBJECT = (
    "kind: ScaledObject\napiVersion: keda.sh/v1alpha1\nmetadata: {name: %s}\n"
    "spec:\n  scaleTargetRef: {name: w}\n  triggers:\n"
)


def test_comments_after_the_last_field_are_kept_by_the_object_that_they_follow() -> None:
    first, second = (OBJECT % name + TRIGGER % name for name in "ab")
    text = f"{first}  # - type: cron\n  #   metadata: {{}}\n---\n# about b\n{second}"
    of_a, of_b = convert([("f", text)], [], Options(), NOW).manifests
    assert "# - type: cron\n# metadata: {}\n" in of_a
    assert ("about b" in of_a, "# about b\n" in of_b, "cron" in of_b) == (False, True, False)


def test_comments_between_two_items_of_a_list_are_the_second_ones() -> None:
    first, second = ("- " + (OBJECT % name + TRIGGER % name).replace("\n", "\n  ").rstrip() for name in "ab")
    text = f"kind: List\napiVersion: v1\nitems:\n{first}\n# about b\n{second}\n  # last of b\n"
    of_a, of_b = convert([("f", text)], [], Options(), NOW).manifests
    assert ("about b" in of_a, "# about b\n" in of_b, "# last of b\n" in of_b) == (False, True, True)


@each_shape
def test_a_pool_holds_the_same_values_for_every_parser_of_yaml(shape: Shape) -> None:
    """PyYAML reads YAML 1.1 as kubectl does: a label `on` must not become a truth."""
    for document in yaml.safe_load_all(shape.pools):
        for value in document["metadata"].get("labels", {}).values():
            assert isinstance(value, str)
