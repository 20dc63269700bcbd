"""YAML files: read as they are meant, and whatever else is in one, refused at once."""

import pytest

from boifi_core.errors import InvalidInput
from boifi_core.storage.yaml_file import DEEPEST, MOST_BYTES, MOST_VALUES, read_yaml


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "file.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def levels(first, line):
    """Eight levels, each of which has the one below it nine times."""
    return "\n".join([first, *(line.format(n=n, below=", ".join([f"*a{n - 1}"] * 9)) for n in range(1, 9))])


def test_ordinary_anchors_and_aliases_work(written):
    text = "x: &x {a: 1, c: [1, 2]}\ny: *x\nz: {<<: *x, b: 2}\nn: &n 5\nlast: *n\n"
    x = {"a": 1, "c": [1, 2]}
    assert read_yaml(written(text)) == {"x": x, "y": x, "z": {**x, "b": 2}, "n": 5, "last": 5}


TOO_MUCH = {
    "lists of aliases": levels("a0: &a0 [1, 2, 3]", "a{n}: &a{n} [{below}]"),
    "mappings of aliases": levels("a0: &a0 {x: 1}", "a{n}: &a{n} {{<<: [{below}], k{n}: 1}}"),
    "aliases of a long text": f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 5_000)}]",
    "itself": "&a [*a]",
    "itself, merged": "a: &a\n  <<: *a",
    "values": "- 1\n" * (MOST_VALUES + 1),
}


@pytest.mark.parametrize("text", TOO_MUCH.values(), ids=TOO_MUCH)
def test_f26_a_small_file_that_stands_for_endless_values_is_refused(written, text):
    path = written(text)
    with pytest.raises(InvalidInput) as refused:
        read_yaml(path)
    assert str(refused.value) == (
        f"{path}: must have at most {MOST_VALUES} values, each alias counted as all that it stands for"
    )


@pytest.mark.parametrize("text", ["[" * 400_000, "- " * 400_000, "{a: " * 200_000], ids=["flow", "block", "mapping"])
def test_endless_nesting_is_refused(written, text):
    with pytest.raises(InvalidInput, match=f"must be nested at most {DEEPEST} deep"):
        read_yaml(written(text))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: " + ":".join(["1"] * 400_000), "a number must have at most 400 characters, line 1"),
        ("a: 1\nb: 0x" + "f" * 900_000, "a number must have at most 400 characters, line 2"),
        ("a: 2026-13-45", "month must be in 1..12"),
        ("a: {b: 1, b: 2}", "the key 'b' stands twice, line 1"),
    ],
    ids=["sexagesimal", "hexadecimal", "no date", "twice"],
)
def test_values_that_cannot_be_made_are_no_yaml(written, text, problem):
    with pytest.raises(InvalidInput) as refused:
        read_yaml(written(text))
    assert refused.value.rule == f"must be YAML ({problem})"


def test_a_large_file_is_refused_before_it_is_read_whole(written):
    with pytest.raises(InvalidInput, match=f"must be at most {MOST_BYTES} bytes"):
        read_yaml(written("#" * (MOST_BYTES + 1)))


@pytest.mark.parametrize(
    ("written_as", "value"),
    [
        ("0500", 500), ("010", 10), ("-0755", -755), ("08", 8), ("0", 0), ("00", 0), ("+07", 7), ("500", 500),
        ("0x1F", 31), ("0.5", 0.5), ("00.5", 0.5), ("1_000", 1000), ("0_500", 500), ("1:30", "1:30"),
        ("12:30:45", "12:30:45"),
        ("1:30.5", "1:30.5"), ("-1:30", "-1:30"), ('"0500"', "0500"), ("'1:30'", "1:30"),
    ],
)  # fmt: skip
def test_f34_numbers_are_read_as_they_are_written(written, written_as, value):
    read = read_yaml(written(f"a: {written_as}\nb: [{written_as}]\n"))
    assert read == {"a": value, "b": [value]}
    assert type(read["a"]) is type(value)


def test_two_documents_are_one_too_many(written):
    with pytest.raises(InvalidInput, match=r"must be YAML .*document"):
        read_yaml(written("a: 1\n---\na: 2\n"))
