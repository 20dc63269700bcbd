"""How a data dir is written."""

from pathlib import Path

import pytest

from boifi_core.errors import InvalidInput
from boifi_core.storage import S3Path, place_of, uri


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("s3://bucket", S3Path("bucket")),
        ("s3://bucket/", S3Path("bucket")),
        ("s3://my.bucket-1/team/mesh/", S3Path("my.bucket-1", "team/mesh")),
        ("s3://bucket/a%20b", S3Path("bucket", "a b")),
        (Path("s3://bucket/x"), S3Path("bucket", "x")),  # which has one slash by now
        (S3Path("bucket", "x"), S3Path("bucket", "x")),
        ("/data/x", Path("/data/x")),
        ("s3:", Path("s3:").resolve()),
    ],
)
def test_a_place_is_read(text, place):
    assert place_of(text) == place


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("gs://bucket/x", "must be a local path or s3://bucket/prefix"),
        ("S3://bucket/x", "must be a local path or s3://bucket/prefix"),
        ("s3://", "must be s3://bucket/prefix"),
        ("s3:///x", "must be s3://bucket/prefix"),
        ("s3://Bucket/x", "must be s3://bucket/prefix"),
        ("s3://key:secret@bucket/x", "must be s3://bucket/prefix"),
        ("s3://bucket:9000/x", "must be s3://bucket/prefix"),
        ("s3://bucket/x?versionId=1", "must be s3://bucket/prefix"),
        ("s3://bucket/a//b", "must have a prefix"),
        ("s3://bucket/../x", "must have a prefix"),
        ("s3://bucket/ü", "must have a prefix"),
        ("s3://bucket/" + "x" * 600, "must have a prefix"),
    ],
)
def test_what_is_no_place_is_one_line(url, rule):
    with pytest.raises(InvalidInput, match=f"--out: {rule}") as caught:
        place_of(url, "--out")
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_place_is_taken_apart_and_put_together():
    data = S3Path("bucket", "team")
    part = data / "sessions" / "abc" / "history"
    assert (str(part), part.name, str(part.parent)) == (
        "s3://bucket/team/sessions/abc/history",
        "history",
        "s3://bucket/team/sessions/abc",
    )
    assert str(S3Path("bucket") / "sessions") == "s3://bucket/sessions"
    assert uri(part) == str(part)
    assert uri(Path("/data")) == "file:///data"
