"""Where a data dir lies: a path of this machine, or an `s3://bucket/prefix`."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from boifi_core.errors import InvalidInput

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_KEY = re.compile(r"[A-Za-z0-9!_.*'()=+@,&$ -]+(/[A-Za-z0-9!_.*'()=+@,&$ -]+)*")

_MOST_CHARACTERS = 512
"""Of a prefix: a key has 1024 bytes, and what lies below it needs its own."""


@dataclass(frozen=True)
class S3Path:
    """A place in a bucket: a file, or a folder in the sense that the keys of its files begin so."""

    bucket: str
    key: str = ""

    def __truediv__(self, name: str) -> S3Path:
        return S3Path(self.bucket, f"{self.key}/{name}" if self.key else name)

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}".rstrip("/")

    @property
    def name(self) -> str:
        """What comes after the last slash."""
        return self.key.rpartition("/")[2]

    @property
    def parent(self) -> S3Path:
        """What comes before it."""
        return S3Path(self.bucket, self.key.rpartition("/")[0])


Place = Path | S3Path


def place_of(text: str | os.PathLike[str] | S3Path, field: str = "data") -> Place:
    """The place that a path or URL names; a path is made absolute.

    Args:
        field: what the user calls it.

    Raises:
        InvalidInput: a URL that is not `s3://bucket/prefix`.
    """
    if isinstance(text, S3Path):
        return text
    written = os.fspath(text)
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):/", written)
    if scheme is None:
        return Path(written).expanduser().resolve()
    if scheme[1] != "s3":
        raise InvalidInput(field, "must be a local path or s3://bucket/prefix", written)
    url = urlsplit(re.sub("^s3:/+", "s3://", written))  # a Path has made one slash of two
    key = unquote(url.path).strip("/")
    if url.query or url.fragment or not _BUCKET.fullmatch(url.netloc):
        rule = "must be s3://bucket/prefix, with the bucket's name in 3 to 63 lower-case letters, digits, '-' and '.'"
        raise InvalidInput(field, rule, written)
    if key and (not _KEY.fullmatch(key) or len(key) > _MOST_CHARACTERS or {".", ".."} & set(key.split("/"))):
        rule = f"must have a prefix of at most {_MOST_CHARACTERS} letters, digits and !_.*'()=+@,&$- between slashes"
        raise InvalidInput(field, rule, written)
    return S3Path(url.netloc, key)


def uri(place: Place) -> str:
    """The place as a URL."""
    return place.resolve().as_uri() if isinstance(place, Path) else str(place)
