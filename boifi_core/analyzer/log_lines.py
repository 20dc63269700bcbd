"""Lines of a target's log: which tell of an error, and which are the same line again."""

from __future__ import annotations

import re

from boifi_core.traces.folding import Folds

BAD_LOG = re.compile("error|fatal", re.IGNORECASE)

_UNIT = r"(?:ns|us|µs|ms|s|min|m|h|[kKMGT]?i?B|bytes|%)"
_NUMBER = r"\d+(?:[.,]\d+){0,9}(?:[eE][-+]?\d+)?"
_MEASURED = re.compile(
    rf"(?<![\w.-])[-+]?(?:(?:{_NUMBER}{_UNIT}){{1,4}}|{_NUMBER})(?![\w.]|-\w)"
    r"|(?<=-)\d+(?=\])"  # a thread's, `[exec-3]`
)
_NO_ERRORS = re.compile(
    r"((?:error|fatal)\w*[\"']?\s?[:=]\s?[\"']?)0(?:\.0+)?(?![\w.])|(?<![\w.])0(?= (?:\w+ )?(?:error|fatal))",
    re.IGNORECASE,
)
_FOLDS = Folds()


def log_template(line: str) -> str:
    """A log line without what varies from run to run: moments, numbers with their units, ids.

    That there were no errors stays in it: `errors=0` and `errors=17` are two lines.
    """
    plain = _NO_ERRORS.sub(r"\1none", " ".join(line.split()))
    return _FOLDS(_MEASURED.sub("{id}", plain))
