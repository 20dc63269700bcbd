"""Requests to an S3 API: tried again for a while where that can help, and every outcome an error of ours.

The client is botocore's. It is made in the process that uses it, never before a fork.
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    MetadataRetrievalError,
    SSLError,
)
from botocore.parsers import ResponseParserError

from boifi_core.storage.base import StorageRefused, StorageUnavailable, patience_s

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 15.0

LONGEST_PAUSE_S = 5.0

LONG_S = 60.0
GIVEN_UP_S = 5.0
"""How long a request is tried again after one that was given up after `LONG_S`, seconds."""

_given_up = False

CONNECTIONS = 32

log = logging.getLogger("boifi.storage")

_AGAIN = frozenset({
    "RequestTimeout", "SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "InternalError",
    "ServiceUnavailable", "ConditionalRequestConflict", "OperationAborted",
})  # fmt: skip
_PASSING = (
    ConnectionError, HTTPClientError, IncompleteReadError, ResponseParserError, CredentialRetrievalError,
    MetadataRetrievalError,
)  # fmt: skip
_SERVER_ERRORS = 500
_TOO_MANY = 429


class Changed(Exception):
    """The object is not as the request's condition says."""


def call(operation: str, where: object, **parameters: Any) -> dict[str, Any]:
    """The answer to a request, with its body read.

    Args:
        operation: botocore's method, such as `get_object`.
        where: what it is about, for messages.

    Raises:
        FileNotFoundError: there is no such object.
        Changed: a condition of the request does not hold.
        StorageRefused: no bucket, no right, no credentials.
        StorageUnavailable: no sound answer for `patience_s`.
    """
    global _given_up
    over_s, pause_s, told = 0.0, 0.1, False
    # Who waited in vain just now does not wait as long for the next request, and the one after it.
    limit_s = min(patience_s.get(), GIVEN_UP_S) if _given_up else patience_s.get()
    while True:
        began = time.monotonic()
        answer = _try(operation, where, parameters)
        if not isinstance(answer, str):
            _given_up = False
            if told:
                log.warning("%s: the store answers again", where)
            return answer
        problem = answer
        # What took longer than its time-outs stood still with its machine.
        over_s += min(time.monotonic() - began, CONNECT_TIMEOUT_S + READ_TIMEOUT_S)
        if over_s + pause_s > limit_s:
            _given_up = _given_up or over_s > LONG_S
            raise StorageUnavailable(f"{where}: the store does not answer for {over_s:.0f} s: {problem}")
        if not told and over_s > 1.0:
            told = True
            log.warning("%s: %s; it is tried again for %g s", where, problem, limit_s)
        slept_s = pause_s * random.uniform(0.5, 1.0)
        time.sleep(slept_s)
        over_s += slept_s
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


def _try(operation: str, where: object, parameters: dict[str, Any]) -> dict[str, Any] | str:
    """The answer, or why there is none where asking again may help."""
    try:
        answer: dict[str, Any] = getattr(client(), operation)(**parameters)
        if "Body" in answer:
            answer["Body"] = answer["Body"].read()
    except ClientError as error:
        return _meant(error, where)
    except SSLError as error:
        raise StorageRefused(f"{where}: {_one_line(error)}") from error
    except _PASSING as error:
        return _one_line(error)
    except (BotoCoreError, ValueError) as error:  # no credentials, an endpoint that is no URL, an unknown profile
        raise StorageRefused(f"{where}: {_one_line(error)}") from error
    return answer


def _meant(error: ClientError, where: object) -> str:
    """What an answer that is an error says where asking again may help; everything else is raised."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    if code == "NotImplemented":
        raise StorageRefused(f"{where}: the store does not know conditional writes") from error
    if code in _AGAIN or status >= _SERVER_ERRORS or status == _TOO_MANY:
        return f"{status} {code}"
    if code == "NoSuchBucket":
        raise StorageRefused(f"{where}: there is no such bucket") from error
    if status == 404:
        raise FileNotFoundError(2, "No such object", str(where)) from error
    if status == 412:
        raise Changed from error
    raise StorageRefused(f"{where}: the store refuses, {code}: {message}".rstrip(": ")) from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


_making = threading.Lock()


def client() -> Any:
    """This process's client, made when it is first asked for."""
    with _making:
        return _client(os.getpid())


def forget_client() -> None:
    """Let the next request make a new client, with the environment as it is then."""
    with _making:
        _client.cache_clear()


@cache
def _client(_process: int) -> Any:
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        max_pool_connections=CONNECTIONS,
        # Tried again by `call`, which knows for how long, and lets a signal in between.
        retries={"total_max_attempts": 1},
        # Stores other than Amazon's know no others.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    session = botocore.session.Session()
    # Any region is as good as another to a store that is not Amazon's, and Amazon's says where a bucket is.
    region = session.get_config_variable("region") or os.environ.get("AWS_REGION") or "us-east-1"
    return session.create_client("s3", region_name=region, config=config)
