import pytest

from demo.target import start_target


@pytest.fixture(scope="session")
def target():
    """One running target for all tests of this folder; each leaves it without a policy."""
    with start_target() as target:
        yield target
