"""One side of `benchmarks.service_engines`, in whichever tree it runs: frames a second of a whole service.

python -P benchmarks/streamed.py FOLDER BUNDLE [OPTION ...]
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import psutil

from raypp.veil.spec import PatchSpec
from tests.serving.running import Camera, Connection, Service, bearer, running_service

_SPEC, _SIZE, _VEIL = PatchSpec(), 256, "ab" * 16
_FRAMES, _IN_FLIGHT = 8, 4
_WARM, _CHUNKS = 4, 60


def main() -> None:
    folder, bundle, *options = sys.argv[1:]
    place = Path(folder)
    place.mkdir(parents=True)
    (place / "tools.model").symlink_to(Path(bundle).resolve())
    with running_service(place, {}, *options) as service:
        print(json.dumps(_streamed(service)))


def _streamed(service: Service) -> dict[str, float]:
    """Stream codes as fast as they are committed; returns CPU seconds of the service and wall, both per frame."""
    camera = Camera("plant", "gate", veil_id=_VEIL, width=_SIZE, height=_SIZE, spec=_SPEC, size=_SIZE)
    chance, side = np.random.default_rng(0), _SIZE // _SPEC.patch
    codes = chance.integers(0, _SPEC.levels, (_FRAMES, _SPEC.channels, side, side), dtype=np.uint8)
    with Connection(camera, service.stub(), bearer(service.site("plant"))) as stream:
        stream.open()
        _commit(stream, codes, 1, _WARM)
        cpu, began = _cpu_s(service), time.monotonic()
        _commit(stream, codes, _WARM + 1, _WARM + _CHUNKS)
        took, frames = time.monotonic() - began, _CHUNKS * _FRAMES
        return {"cpu": (_cpu_s(service) - cpu) / frames * 1e3, "wall": took / frames * 1e3}


def _commit(stream: Connection, codes: np.ndarray, first: int, last: int) -> None:
    for sequence in range(first, last + 1):
        stream.chunk(sequence, codes, (sequence - 1) * _FRAMES)
        if sequence - first >= _IN_FLIGHT:
            stream.committed()
    while stream.seen < last:
        stream.committed()


def _cpu_s(service: Service) -> float:
    """CPU seconds of gateway, detector and proxy so far."""
    processes = [process for title in ("Gateway", "Detector") for process in service.replicas(title)]
    processes += service.processes("ProxyActor")
    return sum(sum(psutil.Process(process.pid).cpu_times()[:2]) for process in processes)


main()
