"""A run of many long tests that may be broken off: run again, it goes on with those that have not passed yet."""

from pathlib import Path

import pytest

OPTION = "--passed-before"


class PassedBefore:
    """Keeps the names of tests that passed, one a line, until all of a run have."""

    def __init__(self, path):
        self.path = path

    @pytest.hookimpl(trylast=True)  # after those that were not asked for are gone
    def pytest_collection_modifyitems(self, config, items):
        before = set(self.path.read_text().splitlines()) if self.path.exists() else set()
        passed = [item for item in items if item.nodeid in before]
        if passed:
            items[:] = [item for item in items if item.nodeid not in before]
            config.hook.pytest_deselected(items=passed)
            print(f"{len(passed)} passed before, by {self.path}")

    def pytest_runtest_logreport(self, report):
        if report.when == "call" and report.passed:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a") as file:
                file.write(f"{report.nodeid}\n")

    def pytest_sessionfinish(self, exitstatus):
        # Where none was left to run, all had passed before.
        if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            self.path.unlink(missing_ok=True)


def pytest_addoption(parser):
    parser.addoption(OPTION, type=Path, metavar="FILE", help="go on with what has not passed by this file")


def pytest_configure(config):
    if path := config.getoption(OPTION):
        config.pluginmanager.register(PassedBefore(path))
