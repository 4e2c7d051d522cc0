"""The learned veil at the edge: against decoding and resizing, and how much of it is convolutions and activations."""

import json
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from threadpoolctl import threadpool_limits
from torch import nn

from raypp.detect.integer_encoder import IntegerEncoder
from raypp.detect.level_encoder import LevelEncoder, first_stages
from raypp.detect.model import build_detector
from raypp.fit.export import to_onnx
from raypp.geometry.letterbox import Letterbox
from raypp.media.container import probe
from raypp.media.files import open_source
from raypp.media.sampling import Sampling, SamplingMode
from raypp.media.timeline import DecodeReport
from raypp.media.video import decode
from raypp.veil.learned import INPUT, EncoderNetwork, LevelNetwork
from raypp.veil.learned_torch import TorchEncoderNetwork

Row = tuple[str, str, str]
_PATCH, _CHANNELS, _LEVELS = 8, 8, 8
_FRAMES = 200
_WARM_UP = 20
_COMPUTED = {"Conv", "QuickGelu"}


def learned_veil_rows(video: Path, folder: Path) -> list[Row]:
    """Milliseconds of a frame 640 pixels wide, one thread, in turns with decoding it."""
    folder.mkdir(exist_ok=True)
    threadpool_limits(1)
    torch.manual_seed(0)
    stages, features = first_stages(build_detector("yolov8n", ("tool",), None), _PATCH)
    program = to_onnx(LevelEncoder(stages, features, _CHANNELS, _LEVELS).eval(), _PATCH)
    network, integers = EncoderNetwork(program), EncoderNetwork(_integer_program())
    stream = open_source(str(video))
    info = probe(stream)
    box = Letterbox(640, _PATCH, info.width, info.height)
    decoding, veiling, by_integers, frames = [], [], [], []
    decoded = decode(stream, info, 0, 1 << 62, Sampling(SamplingMode.EVERY), box, None, report=DecodeReport())
    for _ in range(_FRAMES):
        began = time.process_time()
        pixels = next(decoded).pixels
        between = time.process_time()
        network.levels(pixels)
        after = time.process_time()
        integers.levels(pixels)
        by_integers.append(time.process_time() - after)
        decoding.append(between - began)
        veiling.append(after - between)
        frames.append(pixels)
    share = _computed_share(program, frames[:20], folder)
    by_torch, differ = _on_torch(stages, features, frames)
    return [
        ("decode + resize 720p to 640 wide", f"{np.median(decoding) * 1e3:.2f} ms a frame", ""),
        ("learned veil", f"{np.median(veiling) * 1e3:.2f} ms a frame", ""),
        ("learned veil / (decode + resize)", f"{np.median(veiling) / np.median(decoding):.2f}", ""),
        ("learned veil of --encoder integer", f"{np.median(by_integers) * 1e3:.2f} ms a frame", ""),
        ("the same / (decode + resize)", f"{np.median(by_integers) / np.median(decoding):.2f}", "bar <= 0.5"),
        ("learned veil by torch on the CPU / by onnxruntime", f"{by_torch:.2f}", ""),
        ("codes in which the two differ", f"{differ:.1e}", "bar <= 1e-3"),
        ("of it convolutions and activations, which cannot change", f"{share:.2f}", "bar <= 0.6 of all"),
    ]


def _on_torch(stages: nn.Sequential, features: int, frames: list[np.ndarray]) -> tuple[float, float]:
    """Time of torch over onnxruntime's, and the share of codes that differ, of an encoder whose levels spread."""
    encoder = LevelEncoder(stages, features, _CHANNELS, _LEVELS)
    seen = torch.from_numpy(np.stack(frames[::20])).permute(0, 3, 1, 2).float() / 255
    encoder.start_from([seen], np.random.default_rng(0))
    program = to_onnx(encoder.eval(), _PATCH)
    networks: tuple[LevelNetwork, ...] = (EncoderNetwork(program), TorchEncoderNetwork(program, "cpu"))
    spent: tuple[list[float], list[float]] = [], []
    differ = []
    for pixels in frames:
        levels = []
        for network, times in zip(networks, spent, strict=True):
            began = time.process_time()
            levels.append(network.levels(pixels))
            times.append(time.process_time() - began)
        differ.append(np.mean(levels[0] != levels[1]))
    return float(np.median(spent[1]) / np.median(spent[0])), float(np.mean(differ))


def _integer_program() -> bytes:
    """An encoder in whole numbers whose values spread: its moments are those of noise."""
    encoder = IntegerEncoder(_PATCH, _CHANNELS, _LEVELS)
    with torch.no_grad():
        for _ in range(_WARM_UP):
            encoder(torch.rand(2, 3, 128, 128))
    return to_onnx(encoder.eval(), _PATCH)


def _computed_share(program: bytes, frames: list[np.ndarray], folder: Path) -> float:
    """Share of an encoder's time that its convolutions and activations take, by ONNX Runtime's own profile."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_profiling, options.profile_file_prefix = True, str(folder / "profile")
    session = onnxruntime.InferenceSession(program, options, ["CPUExecutionProvider"])
    for pixels in frames:
        session.run(None, {INPUT: pixels[None]})
    fastest: dict[tuple[str, str], int] = defaultdict(lambda: 1 << 30)
    for event in json.loads(Path(session.end_profiling()).read_text()):
        if event.get("cat") == "Node" and event["name"].endswith("kernel_time"):
            key = (event["args"]["op_name"], event["name"])
            fastest[key] = min(fastest[key], event["dur"])
    return sum(took for (kind, _), took in fastest.items() if kind in _COMPUTED) / sum(fastest.values())
