"""Which data dir is meant, and what goes with it on this machine."""

import pytest

from boifi_core.errors import InvalidInput
from boifi_core.session.folder import out_option
from boifi_core.settings import state_dir
from boifi_core.storage import S3Path
from boifi_core.storage.data_dir import data_dir


def test_data_dir_is_out_then_environment_then_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BOIFI_DATA", raising=False)
    assert data_dir() == tmp_path / "boifi-data"
    monkeypatch.setenv("BOIFI_DATA", str(tmp_path / "env"))
    assert data_dir() == tmp_path / "env"
    assert data_dir(tmp_path / "out") == tmp_path / "out"


def test_a_file_is_refused_as_data_dir(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InvalidInput, match=r"--out: must be a folder"):
        data_dir(tmp_path / "file")


@pytest.mark.parametrize("out", ["memory://x", "gs://bucket/x", "file:///tmp/x"])
def test_a_url_of_another_kind_is_refused(out):
    with pytest.raises(InvalidInput, match=r"--out: must be a local path or s3://bucket/prefix, got"):
        data_dir(out)


def test_the_state_lies_in_the_data_dir_or_beside_where_that_is_far_away(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BOIFI_STATE", raising=False)
    assert state_dir(tmp_path / "data") == tmp_path / "data"
    far = S3Path("bucket", "team/mesh")
    assert state_dir(far) == tmp_path / "boifi-state" / "bucket" / "team" / "mesh"
    monkeypatch.setenv("BOIFI_STATE", str(tmp_path / "here"))
    assert state_dir(far) == tmp_path / "here" / "bucket" / "team" / "mesh"
    assert state_dir(far).is_dir()
    (tmp_path / "file").touch()
    monkeypatch.setenv("BOIFI_STATE", str(tmp_path / "file"))
    with pytest.raises(InvalidInput, match="BOIFI_STATE: must be a folder"):
        state_dir(far)


def test_what_a_command_needs_to_find_the_data_dir_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert out_option(tmp_path / "boifi-data") == ""
    assert out_option(tmp_path / "my data") == f" --out '{tmp_path}/my data'"
    assert out_option(S3Path("bucket", "x")) == " --out s3://bucket/x"
