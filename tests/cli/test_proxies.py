"""Commands where the environment names proxies: loopback is direct, and what cannot be used is one line."""

import pytest

DEAD = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("arguments", "variable", "value"),
    [
        (["run", "SESSION"], "ALL_PROXY", "socks4://127.0.0.1:9"),
        (["sweep", "http://127.0.0.1:1"], "http_proxy", "http://a b:80"),
        (["serve"], "HTTPS_PROXY", "http://proxy.corp:99999"),
    ],
)
def test_f8_commands_end_with_one_line_before_anything_is_made(
    boifi, session_file, tmp_path, arguments, variable, value
):
    path = session_file("http://127.0.0.1:1")
    done = boifi(*(path if each == "SESSION" else each for each in arguments), **{variable: value}, check=2)
    assert done.stderr.startswith(f"error: {variable}: must be a proxy, http://HOST:PORT, got ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "data" / "sessions").exists()


@pytest.mark.slow
@pytest.mark.parametrize("variables", [{"HTTP_PROXY": DEAD}, {"ALL_PROXY": DEAD, "NO_PROXY": "localhost"}])
def test_f7_a_run_reaches_its_own_prefect_and_a_target_on_loopback_directly(boifi, session_file, hfi, variables):
    done = boifi("run", session_file(hfi.url, total_trials=3, initial_points=2), **variables, check=0)
    assert "COMPLETED: all 3 trials made" in done.stdout
    assert done.stderr == ""
