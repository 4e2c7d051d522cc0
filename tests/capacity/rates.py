"""Rates written by hand, so that what a plan should be can be computed by hand, too."""

from typing import Any

from raypp.capacity.rates import MeasuredRates


def process(**costs: float) -> dict[str, float]:
    """Costs of a group of processes; nothing but what is named."""
    names = ("base_cores", "stream_ms", "chunk_ms", "frame_ms", "base_bytes", "stream_bytes")
    return dict.fromkeys(names, 0.0) | costs


def document(**parts: Any) -> dict[str, Any]:
    """A file of rates, with some of its parts replaced."""
    return {
        "raypp": "0.1.0",
        "measured_at": "2026-11-29T12:00:00Z",
        "machine": {"processor": "made by hand", "cores": 2, "memory_bytes": 8_000_000_000},
        "veil": [{"spec": "default", "size": 640, "cpu_ms": 2.0, "frames_per_s": 500.0}],
        "decode": [
            {"width": 1280, "height": 720, "video_fps": 25.0, "fps": fps, "cpu_ms": cpu_ms}
            for fps, cpu_ms in ((1.0, 20.0), (2.0, 30.0), (25.0, 100.0))
        ],
        "wire": [{"spec": "default", "size": 640, "first_bytes": 9e4, "frame_bytes": 1000.0, "chunk_bytes": 40.0}],
        "detect": [
            detector("onnxruntime 1 float32", 40.0),
            detector("openvino 1 bfloat16", 20.0),
            detector("torch 2 float32", 50.0, device="gpu", wall_ms=1.0),
        ],
        "ledger": [ledger("postgresql", server_ms=2.0), ledger("sqlite")],
        "service": {
            "ledger": "sqlite",
            "size": 640,
            "frames_per_s": 20.0,
            "processes": {
                "gateway": process(stream_ms=0.5, chunk_ms=4.0, frame_ms=2.0, base_bytes=2e8, stream_bytes=1e5),
                "proxy": process(chunk_ms=1.0, base_bytes=1e8),
                "detector": process(frame_ms=1.0, base_bytes=5e8),
                "ray": process(base_cores=0.1, base_bytes=1e9),
            },
        },
        "agent": {"fps": 2.0, "frame_ms": 3.0, "base_bytes": 9e7, "camera_bytes": 6e7},
        **parts,
    }


def detector(engine: str, cpu_ms: float, *, device: str = "cpu", wall_ms: float = 40.0) -> dict[str, Any]:
    """A detector of 640 pixels."""
    sizes = {"model": "yolov8n", "size": 640, "batch": 1}
    return {"engine": engine, "device": device, "cpu_ms": cpu_ms, "wall_ms": wall_ms, **sizes}


def ledger(kind: str, server_ms: float | None = None) -> dict[str, Any]:
    """A ledger of 500 commits a second."""
    kept = {"chunk_bytes": 200.0, "frame_bytes": 3.0, "detection_bytes": 20.0, "episode_bytes": 300.0}
    return {"kind": kind, "commits_per_s": 500.0, "writer_ms": 2.0, "server_ms": server_ms, "log_bytes": 5000.0, **kept}


def hand_made(**parts: Any) -> MeasuredRates:
    """The rates of `document`."""
    return MeasuredRates.model_validate(document(**parts))
