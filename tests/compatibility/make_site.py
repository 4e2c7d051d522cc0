"""Made site/ with commit 2e2db3b. Run in a checkout of that commit: PYTHONPATH=. .venv/bin/python make_site.py OUT.

OUT/keys is there already, by make_archive.sh. The service here is real but for Ray: gRPC, gateway's connection, ledger.
"""

import hashlib
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

from raypp.ledger.identity import Identities
from raypp.ledger.store import Ledger
from raypp.serving.model import ServedModel
from raypp.veil.keyfile import load_key
from raypp.veil.spec import PatchSpec
from tests.actors.test_agent_and_stream import Service
from tests.ending import interrupt_on_sigterm
from tests.films import make_film
from tests.ledger.site import SECOND, T0, Connection, chunks, working_day
from tests.site.service import wait_until

OUT = Path(sys.argv[1]).resolve()
SITE, KEY = OUT / "site", OUT / "keys" / "site.key"
RAYPP = str(Path(sys.executable).with_name("raypp"))
RECORDING = Path("/tmp/raypp-compatibility/video.mp4")  # a spool remembers where its recording lay
RECORDED = ("--camera", "bench-1", "--fps", "every", "--time-from", "2026-03-02T08:33")
CAMERAS = """\
cameras:
  gate:
    source: rtsp://user:password@127.0.0.1/stream1
    fps: 1/5
    watch: false
  bench-1:
    source: [video.mp4]
    fps: every
    realtime: true
    time_from: 2026-03-02T08:33
    timezone: Europe/Berlin
    watch:
      covered: true
      frozen_after_s: 10
      moved_after_s: null
      moved_share: 0.2
      adapt_s: 300
"""
SETTINGS = """\
site: plant-1
time_zone: Europe/Berlin
shifts:
  - {name: early, start: 06:00, end: 14:00, days: [mon, tue, wed, thu, fri]}
  - {name: night, start: 22:00, end: 06:00}
cameras:
  bench:
    aspect: 1.333
    stations:
      left: [[0.0, 0.0], [0.55, 0.0], [0.55, 1.0], [0.0, 1.0]]
tools:
  - {class: drill, mode: present, stations: [left], min_on_s: 2, max_gap_s: 5}
  - {class: saw, min_confidence: 0.4}
max_frame_gap_s: 4
"""


def run(*arguments: object) -> None:
    subprocess.run([RAYPP, *map(str, arguments)], check=True, cwd=SITE)


def make_ledger() -> None:
    url = f"sqlite:///{SITE / 'site.ledger'}"
    run("site", "add", "plant-1", "--ledger", url, "--out", SITE / "plant-1.token")
    run("operator", "add", "anna", "--ledger", url, "--out", SITE / "anna.token")
    run("site", "configure", "plant-1", "settings.yaml", "--ledger", url)
    with Ledger.open(url, clock=lambda: T0 + 3600 * SECOND) as ledger:
        Connection(ledger).send_all(chunks(working_day(240)), last=True)
    run("report", "plant-1", "--ledger", url, "--json", SITE / "report.json")
    with Ledger.open(url) as ledger:  # opened once more, so that nothing stays in a log beside the file
        assert Identities(ledger).check((SITE / "plant-1.token").read_text().strip()).site == "plant-1"
        with ledger.database.write() as connection:
            connection.exec_driver_sql("SELECT 1")


def stream(name: str, *more: object) -> list[str]:
    options = ["--site", "plant-1", "--key", KEY, "--token-file", SITE / "plant-1.token", "--size", 160, *more]
    return [RAYPP, "stream", *(str(part) for part in options), "--spool", str(SITE / name), "--chunk-frames", "4"]


def make_spool() -> None:
    """An agent without a service is killed while it captures: chunks wait, and the recording has not ended."""
    RECORDING.parent.mkdir(exist_ok=True)
    shutil.copy(SITE / "video.mp4", RECORDING)
    process = subprocess.Popen(stream("spool", RECORDING, *RECORDED, "--realtime", "--server", "127.0.0.1:9"), cwd=SITE)
    wait_until(lambda: sum(path.stat().st_size for path in SITE.glob("spool/bench-1/*/*")) > 6_000)
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(2)  # the capture process sees that its agent is gone


class Recorder(Service):
    """Keeps the bytes of all requests, and digests of the codes that the detector is given."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.requests: list[bytes] = []
        self.codes: list[str] = []

    async def detect(self, veil_id, block, *rest):
        self.codes += [hashlib.sha256(code.tobytes()).hexdigest() for code in block.codes]
        return await super().detect(veil_id, block, *rest)

    async def stream_frames(self, requests, context):
        async def kept():
            async for request in requests:
                self.requests.append(request)
                yield request

        async for answer in super().stream_frames(kept(), context):
            yield answer


def record_messages() -> None:
    scratch = SITE / "scratch"
    scratch.mkdir()
    key = load_key(KEY)
    model = ServedModel("cd" * 32, key.veil_id(PatchSpec()), PatchSpec(), 160, ("hammer", "saw"))
    with Ledger.open(f"sqlite:///{scratch / 'ledger.db'}") as ledger:
        ledger.add_site("plant-1")
        service = Recorder(ledger, model=model)
        service.serve()
        options = ("video.mp4", "--camera", "bench-1", "--fps", "every", "--time-from", "2026-03-02T08:33")
        subprocess.run(stream("scratch/spool", *options, "--server", f"127.0.0.1:{service.port}"), cwd=SITE, check=True)
        service.end()
        (status,) = ledger.streams("plant-1")
        frames = [
            [frame.frame_index, frame.timestamp_us, len(frame.detections)] for frame in ledger.frames(status.stream)
        ]
        episodes = [[episode.tool, episode.start_us, episode.end_us] for episode in ledger.episodes("plant-1")]
    with (SITE / "messages.bin").open("wb") as out:
        for request in service.requests:
            out.write(struct.pack(">I", len(request)) + request)
    expected = {"frames": frames, "episodes": episodes, "codes": service.codes, "veil_id": model.veil_id}
    (SITE / "messages.json").write_text(json.dumps(expected, indent=1) + "\n")
    shutil.rmtree(scratch)


if __name__ == "__main__":
    interrupt_on_sigterm()
    shutil.rmtree(SITE, ignore_errors=True)
    SITE.mkdir()
    os.environ["COLUMNS"] = "200"
    make_film(SITE / "video.mp4", seconds=4)
    (SITE / "cameras.yaml").write_text(CAMERAS)
    (SITE / "settings.yaml").write_text(SETTINGS)
    make_ledger()
    make_spool()
    record_messages()
