"""Sampled decoding beside an older commit: of files, and of a live camera in its capture process."""

import json
import statistics
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.older import ROOT, checked_out, run_in
from raypp.bench.sample_video import make_source
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key
from tests.edge.live_camera import LiveCamera

Row = tuple[str, str, str]
_ROUNDS = 3
_LIVE_S = 20.0
_FILE = """
import hashlib, json, sys, time
from fractions import Fraction
from raypp.geometry.letterbox import Letterbox
from raypp.media.container import probe
from raypp.media.files import open_source
from raypp.media.sampling import END_US, Sampling, SamplingMode
from raypp.media.timeline import DecodeReport
from raypp.media.video import decode
stream = open_source(sys.argv[1])
info = probe(stream)
sampling = Sampling(SamplingMode.RATE, Fraction(sys.argv[2]))
box, report, digest, frames = Letterbox(640, 16, info.width, info.height), DecodeReport(), hashlib.sha256(), 0
began = time.process_time()
for frame in decode(stream, info, 0, END_US, sampling, box, None, report=report):
    digest.update(frame.timestamp_us.to_bytes(8, "big") + frame.pixels.data)
    frames += 1
cpu_s = time.process_time() - began
print(json.dumps({"cpu_s": cpu_s, "frames": frames, "decoded": report.decoded, "digest": digest.hexdigest()}))
"""
_LIVE = """
import json, sys, time
from fractions import Fraction
from multiprocessing import Pipe
from pathlib import Path
from threading import Thread
from raypp.edge.capture.camera_health import CameraHealthSettings
from raypp.edge.capture.job import CaptureJob, Chunk, Taken
from raypp.edge.capture.position import Position
from raypp.edge.capture.process import capture
from raypp.veil.spec import PatchSpec
url, key, rate, seconds = sys.argv[1:]
job = CaptureJob(site="site", camera="camera", sources=(url,), live=True, rate=Fraction(rate), realtime=False,
    time_from=None, timezone="UTC", masks_path=None, key_path=Path(key), spec=PatchSpec(), encoder_path=None, size=640,
    watch=CameraHealthSettings(), chunk_frames=8, chunk_s=2.0, position=Position())
ours, theirs = Pipe()
chunks = []
def listen():
    while True:
        report = ours.recv()
        if isinstance(report, Chunk):
            chunks.append((time.process_time(), len(report.frames)))
            ours.send(Taken())
def stop():
    while not chunks:
        time.sleep(0.05)
    time.sleep(float(seconds))
    ours.send("stop")
Thread(target=listen, daemon=True).start()
Thread(target=stop, daemon=True).start()
capture(job, theirs)
spent = time.process_time() - chunks[0][0]
print(json.dumps({"cpu_s": spent, "frames": sum(count for _, count in chunks[1:])}))
"""


def decoding_rows(folder: Path) -> list[Row]:
    """CPU seconds of decoding, resized to 640 pixels, before and now, in turns; frames must be the same."""
    folder.mkdir(parents=True, exist_ok=True)
    both_ways = make_source(folder / "both-ways" / "video.mp4", 1)
    forward = make_source(folder / "forward" / "video.mp4", 1, bframes=0)
    rows = []
    with checked_out(folder) as older:
        for name, video, rate, bar in (
            ("2 fps, frames both ways", both_ways, "2", "bar >= 1.35"),
            ("1 frame in 10 s, groups of 2 s", both_ways, "1/10", "bar >= 5"),
            ("2 fps, frames forward", forward, "2", ""),
            ("1 frame in 10 s, frames forward", forward, "1/10", "bar >= 5"),
        ):
            rows += _file_rows(name, video, rate, bar, older)
        for rate, bar in (("2", "bar <= 0.6"), ("1/2", ""), ("1/5", "")):
            rows += _live_rows(folder, forward, rate, bar, older)
    return rows


def _file_rows(name: str, video: Path, rate: str, bar: str, older: Path) -> list[Row]:
    pairs = [
        [json.loads(run_in(tree, ["-c", _FILE, str(video), rate])) for tree in (older, ROOT)] for _ in range(_ROUNDS)
    ]
    if len({measured["digest"] for pair in pairs for measured in pair}) != 1:
        raise SystemExit(f"{name}: the frames differ from those of the older commit")
    before, now = ([pair[side]["frames"] / pair[side]["cpu_s"] for pair in pairs] for side in (0, 1))
    ratio = statistics.median(after / earlier for earlier, after in zip(before, now, strict=True))
    decoded = [pairs[0][side]["decoded"] for side in (0, 1)]
    return [
        (f"{name}: frames decoded, before and now", f"{decoded[0]} {decoded[1]}", ""),
        (f"{name}: before", f"{statistics.median(before):.1f} frames/cpu s", ""),
        (f"{name}: now", f"{statistics.median(now):.1f} frames/cpu s", ""),
        (f"{name}: now / before", f"{ratio:.2f}", bar),
    ]


def _live_rows(folder: Path, video: Path, rate: str, bar: str, older: Path) -> list[Row]:
    """Capture a live camera with both at the same time, so that a busy machine slows them alike."""
    key = folder / "owner.key"
    if not key.exists():
        save_owner_key(VeilKey.generate(), key)
    with LiveCamera(video) as camera, ThreadPoolExecutor(2) as pool:
        call = ["-c", _LIVE, camera.url, str(key), rate, str(_LIVE_S)]
        before, now = (json.loads(printed) for printed in pool.map(lambda tree: run_in(tree, call), (older, ROOT)))
    name = f"live 720p25, {rate} fps"
    return [
        (f"{name}: before", f"{100 * before['cpu_s'] / _LIVE_S:.1f} % of a core", ""),
        (f"{name}: now", f"{100 * now['cpu_s'] / _LIVE_S:.1f} % of a core", ""),
        (f"{name}: now / before", f"{now['cpu_s'] / before['cpu_s']:.2f}", bar),
    ]
