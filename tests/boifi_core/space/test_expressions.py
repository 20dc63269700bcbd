"""Regular expressions are looked at before anything is injected."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boifi_core.errors import InvalidInput
from boifi_core.space import SearchSpace
from boifi_core.space.expressions import complaint_of


def parse(*paths, **fixed):
    path = {"name": "target_path", "type": "categorical", "values": [*paths]}
    return SearchSpace.parse({"dimensions": [path], "fixed": {"fault_type": "abort", **fixed}})


@pytest.mark.parametrize("path", ["^/api/(v1", "^/api/[a-", "^/a{2,1}", "^*/x", "^/a)", "^/(?P<n>x)(?P<n>y)", "^/\\"])
def test_f28_an_expression_that_is_none_is_refused(path):
    with pytest.raises(
        InvalidInput, match=r"^search_space\.dimensions\[0\]\.values\[1\]: target_path must be a regular"
    ):
        parse("/sound", path)


@pytest.mark.parametrize(
    "path", ["^/(?=a)b", "^/(?!a)", "^/(?<=a)b", "^/(a)\\1", "^/(?>a)", "^/a++", "^/(?P<n>a)(?P=n)"]
)
def test_f28_what_re2_lacks_is_named(path):
    with pytest.raises(InvalidInput, match="must be a regular expression of RE2, which has no "):
        parse(path)


def test_f28_headers_and_fixed_paths_too():
    with pytest.raises(InvalidInput, match=r"^search_space\.fixed\.headers: headers must be a regular expression"):
        parse("/x", headers={"x-user": "^(a"})
    space = {"name": "percentage", "type": "integer", "min": 1, "max": 9}
    with pytest.raises(InvalidInput, match=r"^search_space\.fixed\.target_path: target_path must be a regular"):
        SearchSpace.parse({"dimensions": [space], "fixed": {"fault_type": "abort", "target_path": "^/("}})


@pytest.mark.parametrize(
    "expression",
    [
        "^/api/v[0-9]+/", "^/(ratings|reviews)/", r"^/a\.b\(c", "^/(?i)x", "^(?i)/x", "^/(?i:x)y", "^/(?P<id>[^/]+)$",
        "^/(?<id>[^/]+)$", r"^/\pL+", r"^/\p{Greek}\P{N}", r"^/x\z", r"^/\Qa(b\E/", "^/[[:alpha:]]+", "^/[(?=]+",
        r"^/\(?=x",
        "^/a+?b*?", "^/[*+]+x", "^/(?:a|b){2,3}", "^/(?s-i)x", "^",
    ],
)  # fmt: skip
def test_what_a_control_plane_can_read_passes(expression):
    assert complaint_of(expression) is None


@given(st.text(alphabet="ab(|)[]{}*+?\\\\^$.12<>=!:P-", max_size=12))
def test_whatever_is_written_gives_a_line_or_nothing(text):
    said = complaint_of(f"^{text}")
    assert said is None or (said.startswith("must be a regular expression") and "\n" not in said)
    if said is None and "(?" not in text and "[[" not in text:
        re.compile(f"^{text}".replace("\\z", "x").replace("\\p", "x").replace("\\P", "x"))
