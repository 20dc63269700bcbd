"""Each process of the service gets of the secrets its own alone."""

from cli.child_environments import of_facade, of_prefect, of_worker

ENVIRONMENT = {
    "PATH": "/bin", "HOME": "/root", "LC_ALL": "C", "TZ": "UTC", "PYTHONPATH": "/x", "https_proxy": "http://p",
    "PREFECT_SERVER_DATABASE_CONNECTION_URL": "db", "PREFECT_API_URL": "url", "PREFECT_LOGGING_LEVEL": "INFO",
    "BOIFI_JWT_SECRET": "s", "boifi_api_keys": "[]", "BOIFI_DATABASE_URL": "db", "BOIFI_DATA": "d",
    "BOIFI_ALLOWED_TARGETS": "loopback", "BOIFI_CONFIG": "c", "BOIFI_EXECUTOR_TOKEN": "t", "BOIFI_EXECUTOR_OTHER": "o",
    "AWS_SECRET_ACCESS_KEY": "k", "SOME_SECRET": "x", "LD_PRELOAD": "y",
}  # fmt: skip


def test_prefects_server_gets_what_is_known_to_concern_it():
    assert of_prefect(ENVIRONMENT).keys() == {
        "PATH", "HOME", "LC_ALL", "TZ", "PYTHONPATH", "https_proxy",
        "PREFECT_SERVER_DATABASE_CONNECTION_URL", "PREFECT_API_URL", "PREFECT_LOGGING_LEVEL",
    }  # fmt: skip


def test_the_worker_gets_all_but_what_is_the_facades_alone_and_the_servers():
    assert ENVIRONMENT.keys() - of_worker(ENVIRONMENT) == {
        "BOIFI_JWT_SECRET", "boifi_api_keys", "BOIFI_DATABASE_URL", "PREFECT_SERVER_DATABASE_CONNECTION_URL",
    }  # fmt: skip


def test_the_facade_gets_all_but_the_workers_secrets_and_the_servers():
    assert ENVIRONMENT.keys() - of_facade(ENVIRONMENT, {"SOME_SECRET": ["mesh.local"]}) == {
        "BOIFI_EXECUTOR_TOKEN", "BOIFI_EXECUTOR_OTHER", "SOME_SECRET", "PREFECT_SERVER_DATABASE_CONNECTION_URL",
    }  # fmt: skip
