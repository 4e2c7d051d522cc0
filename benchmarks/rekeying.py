"""`python -m benchmarks.rekeying`: what translating an archive costs beside veiling the same frames anew.

Each shard is translated and veiled in turns, in one process and thread, by CPU seconds, so that a busy machine slows
both alike. The bytes of both are compared.
"""

import argparse
import tempfile
from pathlib import Path
from time import process_time

from threadpoolctl import threadpool_limits

from raypp.ingest.settings import VeilSettings
from raypp.ingest.worker import SegmentWorker, veil_segment
from raypp.progress import SILENT
from raypp.rekey.settings import RekeySettings
from raypp.rekey.work import prepare
from raypp.rekey.worker import translate_segment
from raypp.veil.renaming import rekey_encoder


def main() -> None:
    """Print frames a CPU second of both, their ratio, and whether all shards have the same bytes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rekeying", description=__doc__)
    for name in ("from", "to", "encoder", "archive", "sources"):
        parser.add_argument(f"--{name}", required=True, dest=f"{name}_", help=f"as for `raypp rekey --{name}`")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):
        _measure(given, Path(folder))


def _measure(given: argparse.Namespace, folder: Path) -> None:
    settings = RekeySettings(
        old_key_path=given.from_,
        new_key_path=given.to_,
        encoder_path=given.encoder_,
        out=folder,
        archive=given.archive_,
        archive_out=folder / "translated" / "archive",
        sources=given.sources_,
    )
    old, new = settings.load_keys()
    veil = rekey_encoder(settings.encoder_path, old, new)
    encoder = folder / "encoder.veil"
    encoder.write_bytes(veil.seal(new))
    translated = settings.translated(veil)
    assert translated is not None
    work = prepare(translated, settings.sources, SILENT)
    anew = SegmentWorker.open(
        VeilSettings(
            out=folder / "anew" / "archive",
            key_path=given.to_,
            spec=veil.new,
            encoder_path=encoder,
            size=work.worker.header.size,
        )
    )
    frames, spent, same = 0, [0.0, 0.0], True
    for segment in work.segments():
        begun = process_time()
        receipt = translate_segment(segment, work.worker)
        between = process_time()
        veiled = veil_segment(segment.new, anew).receipt
        spent[0] += between - begun
        spent[1] += process_time() - between
        frames += receipt.frames
        same &= receipt.shard_sha256 == veiled.shard_sha256
    rates = [frames / seconds for seconds in spent]
    print(f"{frames} frames: {rates[0]:.0f} a CPU second translated, {rates[1]:.0f} veiled: {rates[0] / rates[1]:.1f}x")
    print("all shards have the same bytes" if same else "shards differ")


if __name__ == "__main__":
    main()
