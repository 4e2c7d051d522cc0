"""How these tests talk to the service."""

import ssl
import urllib.error
import urllib.request

import grpc

from raypp.serving.detector import BundleDetector
from raypp.serving.model import FrameBlock
from raypp.serving.settings import DetectionSettings
from raypp.usage.observation import Observation, SeenFrame
from tests.serving.bundles import HEIGHT, WIDTH
from tests.serving.running import (
    FRAME_US,
    START_US,
    Camera,
    Connection,
    Service,
)

SECRET = "0123456789abcdef0123456789abcdef"
FRONT = {"x-raypp-front": SECRET}
METRICS_TOKEN = "fedcba9876543210fedcba9876543210"
WINDOW, FRAMES, STREAMS, CAMERAS = 3, 16, 4, 12
FOUND = 20
Code = grpc.StatusCode
Site = tuple[str, tuple[tuple[str, str], ...]]


def connected(service: Service, site: Site, camera: str = "gate", **about: object) -> Connection:
    return Connection(Camera(site[0], camera, **about), service.stub(), site[1])


def refused(connection: Connection, code: Code, *words: str) -> None:
    error = connection.error()
    assert error.code() is code, error
    for word in words:
        assert word in error.details(), error.details()
    assert "\n" not in error.details()


def detected_alone(service: Service, codes: object) -> list[SeenFrame]:
    """Return what the detector, on its own, finds on frames sent from number 0 on."""
    detector = BundleDetector.load(service.place / "tools.model", DetectionSettings(most=FOUND))
    ((*frames,),) = detector.detect([FrameBlock(codes, 1, WIDTH, HEIGHT)])
    return [
        SeenFrame(index, START_US + index * FRAME_US, Observation.OBSERVED, detections)
        for index, detections in enumerate(frames)
    ]


def get_metrics(service: Service, token: str | None = METRICS_TOKEN) -> tuple[int, str]:
    """Status and text of what the service exports."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return get_page(f"http://127.0.0.1:{service.metrics_port}/metrics", **headers)


def get_page(address: str, context: ssl.SSLContext | None = None, **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(address, headers=headers)  # noqa: S310 - our own address
    try:
        with urllib.request.urlopen(request, timeout=120, context=context) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
