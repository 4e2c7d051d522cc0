"""A service with a detector of the usual size behind nginx, and a site with a recorded video."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import numpy as np
import numpy.typing as npt

from protos.raypp_pb2_grpc import SitesStub
from raypp.bench.sample_video import FPS, make_source
from raypp.geometry.letterbox import Letterbox
from raypp.io.ports import free_ports
from raypp.io.private import write_private
from raypp.media.container import probe
from raypp.media.files import open_source
from raypp.media.sampling import Sampling, SamplingMode
from raypp.media.timeline import DecodeReport
from raypp.media.video import decode
from raypp.veil.key import SiteKey, VeilKey
from raypp.veil.keyfile import save_site_key
from raypp.veil.spec import PatchSpec
from raypp.veil.veil import Veil
from tests.serving.bundles import write_usual_bundle
from tests.serving.front import Authority, running_front
from tests.serving.running import Camera, Connection, Service, bearer, running_service

SPEC, SIZE = PatchSpec(), 640
WIDTH, HEIGHT = 1280, 720
PACE_FPS = 2
_VIDEO_S = 20
_CALL_S = 3600.0
SECRET = "of-the-front-alone-" * 2


@dataclass(frozen=True)
class BenchmarkedService:
    """A service behind nginx, and a site of it.

    Attributes:
        place: folder of all files: the site's key, its token, the front's `ca.pem`, the detector `tools.model`.
        service: the running service.
        authority: the front's.
        port: the front's.
        token: the site's.
        key: the owner's key.
        video: what the site's camera `gate` has recorded.
    """

    place: Path
    service: Service
    authority: Authority
    port: int
    token: str
    key: VeilKey
    video: Path

    def connection(self, camera: str) -> Connection:
        """Return a stream of a camera through the front, not opened yet."""
        credentials = grpc.ssl_channel_credentials(self.authority.pem)
        stub = SitesStub(grpc.secure_channel(f"localhost:{self.port}", credentials))  # type: ignore[no-untyped-call]
        return Connection(self.camera("plant", camera), stub, bearer(self.token), within_s=_CALL_S)

    def camera(self, site: str, camera: str) -> Camera:
        """Return a camera of a site whose frames the detector reads."""
        veil_id = self.key.veil_id(SPEC)
        return Camera(site, camera, veil_id=veil_id, width=WIDTH, height=HEIGHT, live=True, spec=SPEC, size=SIZE)

    def frames(self) -> Iterator[npt.NDArray[np.uint8]]:
        """Yield the video's frames, letterboxed."""
        stream = open_source(str(self.video))
        info = probe(stream)
        box = Letterbox(SIZE, SPEC.patch, info.width, info.height)
        sampling = Sampling(SamplingMode.EVERY)
        for frame in decode(stream, info, 0, 1 << 62, sampling, box, None, report=DecodeReport()):
            yield frame.pixels

    def codes(self) -> npt.NDArray[np.uint8]:
        """Return codes of frames as a camera of `PACE_FPS` frames per second sends them."""
        encoder = Veil(SPEC, self.key).stream("plant", "gate")
        every = FPS // PACE_FPS
        return np.concatenate(
            [encoder.encode(pixels[None]) for number, pixels in enumerate(self.frames()) if number % every == 0]
        )


@contextmanager
def running_plant(folder: Path) -> Iterator[BenchmarkedService]:
    """Start a service with a YOLOv8n of 640 pixels behind nginx."""
    folder.mkdir()
    key = VeilKey.generate()
    video = make_source(folder / "video" / "film_20260302_080000.mp4", _VIDEO_S / 60)
    save_site_key(SiteKey.derive_from(key, SPEC, "plant", ["gate"]), folder / "plant.key")
    write_usual_bundle(folder / "tools.model", SPEC, SIZE, key.veil_id(SPEC))
    write_private(folder / "front.secret", SECRET.encode())
    (port,) = free_ports(1)
    with (
        running_service(folder, {}, "--front-secret-file", folder / "front.secret") as service,
        running_front(
            folder / "front", f"127.0.0.1:{service.port}", f"127.0.0.1:{service.http_port}", SECRET, port, verify=False
        ) as authority,
    ):
        (folder / "ca.pem").write_bytes(authority.pem)
        token = service.site("plant")
        write_private(folder / "token", token.encode())
        yield BenchmarkedService(folder, service, authority, port, token, key, video)
