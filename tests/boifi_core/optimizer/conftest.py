"""Linear algebra in one thread, as the optimizer itself has it: threads round differently, and wait for each other."""

import pytest

from boifi_core.optimizer.threads import one_thread


@pytest.fixture(scope="package", autouse=True)
def _in_one_thread():
    with one_thread():
        yield
