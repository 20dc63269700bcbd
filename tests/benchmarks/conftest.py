"""What measures the product is no part of it: `make test-slow` has its tests."""

from pathlib import Path

import pytest


@pytest.hookimpl(tryfirst=True)  # before those that were not asked for are gone
def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)
