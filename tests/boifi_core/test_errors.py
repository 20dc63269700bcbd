"""What BOIFI raises on purpose passes from process to process: the facade has its work done in others."""

import pickle

import pytest

from boifi_core.errors import InvalidInput
from boifi_core.session.make import NotResumable
from boifi_core.storage import NotWritten


@pytest.mark.parametrize(
    "error",
    [
        InvalidInput("executor.endpoint", "must have a host", "http://"),
        InvalidInput("executor_endpoint", "is required"),
        NotWritten("cannot write state.json: No space left on device", "No space left on device"),
        NotResumable("complete", "all 12 trials are made"),
    ],
)
def test_an_error_is_the_same_in_another_process(error):
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
