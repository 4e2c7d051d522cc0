"""What a training notes of where its detector comes from."""

import hashlib
from pathlib import Path

from raypp import __version__
from raypp.detect.inputs.dataset import VeiledDataset
from raypp.detect.provenance import Provenance, WeightsFile, read_provenance, write_provenance

_CHUNK = 1 << 20
_SHORT = 12


def code_version(package: Path = Path(__file__).parents[1]) -> str:
    """Name this raypp: its version, and 12 hex digits of the SHA-256 of its source.

    Args:
        package: folder of the package.
    """
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        for part in (path.relative_to(package).as_posix().encode(), path.read_bytes()):
            digest.update(len(part).to_bytes(8, "big") + part)
    return f"{__version__}+{digest.hexdigest()[:_SHORT]}"


def record_provenance(run: Path, dataset: VeiledDataset, weights: Path | None) -> Provenance:
    """Note in a run's folder where its detector comes from; a run that goes on adds the code that goes on with it.

    Args:
        run: its folder, which is there.
        dataset: what it trains on.
        weights: what it starts from, or None.

    Raises:
        ModelError: if an earlier note is damaged.
    """
    earlier = read_provenance(run)
    code = code_version()
    if earlier is not None:
        if code in earlier.code:
            return earlier
        noted = earlier.model_copy(update={"code": (*earlier.code, code)})
    else:
        noted = Provenance(
            manifest=dataset.manifest_digest,
            labels_digest=dataset.labels_digest,
            tag=dataset.tag,
            code=(code,),
            initial_weights=None if weights is None else WeightsFile(name=weights.name, sha256=_sha256(weights)),
        )
    write_provenance(run, noted)
    return noted


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
