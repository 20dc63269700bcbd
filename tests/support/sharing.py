"""Which tests run on one worker: those that share what takes long to start. All others go wherever there is room."""

import pytest
from xdist.scheduler import LoadScopeScheduling

TOGETHER = (
    "tests/api/test_document.py",
    "tests/boifi_core/storage/",
    "tests/cli/test_examples.py",
    "tests/cli/test_serve.py",
    "tests/demo/",
    "tests/deployments/test_worker.py",
    "tests/project/test_package.py",
)
"""How the names of such tests begin, by what they share."""


class Sharing(LoadScopeScheduling):
    """The largest groups come first, so that none is left at the end for one worker alone."""

    def _split_scope(self, nodeid):
        return next((start for start in TOGETHER if nodeid.startswith(start)), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return Sharing(config, log)
