"""Both overlays as kustomize builds them: valid for the last four versions of Kubernetes, hardened as checkov asks.

With the tools of `.venv-manifests`, which `make test-long` makes.
"""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from manifests import FOLDER, ROOT, code

pytestmark = pytest.mark.long

TOOLS = ROOT / ".venv-manifests" / "bin"
VERSIONS = 4

VALIDATE = """
import sys, json, yaml, kubernetes_validate
from kubernetes_validate.utils import all_versions, major_minor
from packaging.version import Version
versions = sorted({major_minor(each) for each in all_versions()}, key=Version)[-int(sys.argv[2]):]
found = {"versions": versions, "problems": [], "unknown": []}
for document in yaml.safe_load_all(open(sys.argv[1])):
    for version in versions:
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.SchemaNotFoundError:
            found["unknown"].append(document["kind"])
        except kubernetes_validate.ValidationError as error:
            name = f"{document['kind']} {document['metadata']['name']}"
            found["problems"].append(f"{version}: {name}: {'/'.join(map(str, error.path))}: {error.message}")
print(json.dumps(found))
"""


def tool(name, *arguments, check=True):
    assert (TOOLS / name).exists(), "make .venv-manifests/.ready"
    return subprocess.run(
        [TOOLS / name, *map(str, arguments)], capture_output=True, text=True, timeout=170, check=check
    ).stdout


@pytest.fixture(scope="module", params=["dev", "production"])
def built(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("built") / f"{request.param}.yaml"
    path.write_text(tool("kubectl", "kustomize", FOLDER / "overlays" / request.param))
    return path


def test_it_is_valid_for_the_last_four_versions_of_kubernetes(built):
    found = json.loads(tool("python", "-c", VALIDATE, built, VERSIONS))
    assert len(found["versions"]) == VERSIONS
    assert found["problems"] == []
    # Those of the Prometheus operator, which brings their schemas itself.
    assert set(found["unknown"]) <= {"ServiceMonitor", "PrometheusRule"}


def skipped():
    return set(yaml.safe_load((FOLDER / "checkov.yaml").read_text())["skip-check"])


def failed(path):
    said = tool(
        "checkov", "--framework", "kubernetes", "--file", path, "--output", "json", "--compact", "--quiet",
        "--skip-download", check=False,
    )  # fmt: skip
    return {(check["check_id"], check["resource"]) for check in json.loads(said)["results"]["failed_checks"]}


def test_it_is_hardened_but_for_rules_with_a_reason(built):
    wanted = skipped() if built.stem == "dev" else skipped() - {"CKV_K8S_15"}
    assert re.fullmatch(r"(#.*\n)*skip-check:\n((  #.*\n)+  - CKV_K8S_\d+\n)+", (FOLDER / "checkov.yaml").read_text())
    found = failed(built)
    # Neither one that is not left out, nor one that is and is kept all the same.
    assert {check for check, _ in found} == wanted, sorted(found)


def test_every_image_has_its_tag_and_secrets_stand_in_no_manifest_of_production(built):
    text = Path(built).read_text()
    images = set(re.findall(r"image: (\S+)", text))
    assert all(re.search(r":[^:/]+$", image) for image in images), images
    assert f"boifi-worker:{code().version}" in images
    if built.stem == "production":
        assert "kind: Secret" not in text
