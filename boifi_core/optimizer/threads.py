"""One thread for linear algebra: more of them round differently, and another rounding is another proposal."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]


@cache
def _controller() -> Any:
    # Finding the libraries takes milliseconds, so once; they are loaded with the modules that import this one.
    return ThreadpoolController()


def one_thread() -> AbstractContextManager[Any]:
    """Within it, linear algebra runs in one thread."""
    return _controller().limit(limits=1)  # type: ignore[no-any-return]
