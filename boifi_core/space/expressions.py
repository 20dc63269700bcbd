"""Regular expressions in faults: values that begin with `^`. Control planes and Envoy read them as RE2."""

from __future__ import annotations

import re
import warnings

_RE2_ALONE = [
    (re.compile(r"\\[pP](\{\^?\w+\}|[A-Z])"), "x"),  # a class of Unicode
    (re.compile(r"\\[zC]"), "x"),
    (re.compile(r"\\Q.*?(\\E|$)"), "x"),  # text as it stands
    (re.compile(r"\(\?[imsU]*(-[imsU]+)?(?=[:)])(?![:]?\?)"), "(?"),  # flags, which Python wants at the beginning
    (re.compile(r"\(\?\)"), ""),
    (re.compile(r"\(\?<(?=[A-Za-z_])"), "(?P<"),
    (re.compile(r"\[\[:\^?\w+:\]"), "[x"),
]
"""What RE2 has and Python has not, and what stands for it while an expression is looked at."""

_ESCAPED = re.compile(r"\\[^1-9]")
_SET = re.compile(r"\[\^?\]?[^\]]*\]")
_PYTHONS_ALONE = re.compile(r"\(\?(?:=|!|<=|<!|>|P=|\()|\\[1-9]|[*+?}]\+")


def complaint_of(expression: str) -> str | None:
    """What is wrong with an expression, in one line; None if it can be used."""
    # Escaped characters and sets hold nothing that could be an operator.
    plain = _SET.sub("x", _ESCAPED.sub("x", expression))
    if found := _PYTHONS_ALONE.search(plain):
        return f"must be a regular expression of RE2, which has no {found[0]}"
    told = expression
    for has, stands_in in _RE2_ALONE:
        told = has.sub(stands_in, told)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(told)
    except (re.error, RecursionError, OverflowError) as error:
        return f"must be a regular expression ({error})"
    return None
