"""A learned veil with an archive of every kind of source, for the tests of rekeying."""

import json
from pathlib import Path
from typing import Any

from raypp.execution import ExecutionSettings, On
from raypp.ingest.run import run_veil
from raypp.ingest.settings import VeilSettings
from raypp.rekey.settings import RekeySettings
from raypp.shards.encryption import DataKey
from raypp.veil.encoder_file import seal_encoder, spec_and_encoder
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key
from raypp.veil.spec import LearnedSpec
from tests.veil.networks import small_network
from tests.videos import make_dataset, make_image, make_video

OLD, NEW = VeilKey(bytes(range(32))), VeilKey(bytes(range(1, 33)))
SPEC = LearnedSpec(channels=6, bits=3, sub_keys=3, encoder=OLD.name_encoder(small_network()))
HERE = ExecutionSettings(on=On.LOCAL)
VIEWS = {"cameras": {"gate": {"views": {"right": [0.5, 0.25, 1, 1]}}}}


def write_place(place: Path) -> Path:
    """Write keys, an encoder, a labelled dataset, loose images, and videos, one of which does not decode."""
    save_owner_key(OLD, place / "old.key")
    save_owner_key(NEW, place / "new.key")
    DataKey.generate().save(place / "data.key")
    (place / "encoder.veil").write_bytes(seal_encoder(SPEC, small_network(), OLD))
    make_dataset(place / "tools", count=6)
    for number in range(5):
        make_image(place / "in" / "stills" / f"{number}.jpg", seed=20 + number)
    for number, camera in enumerate(("gate", "bench", "crane")):
        make_video(place / "in" / camera / f"{number}.mp4", seconds=2.0 - number / 2, fps=4, seed=number)
    (place / "in" / "stills" / "broken.jpg").write_bytes(b"\xff\xd8\xff" + bytes(4000))
    (place / "views.json").write_text(json.dumps(VIEWS))
    return place


def veil(place: Path, out: Path, key: str = "old.key", encoder: str = "encoder.veil", **fields: Any) -> Path:
    """Veil all sources of a place; returns the archive."""
    spec, path = spec_and_encoder(place / encoder)
    settings = VeilSettings(
        out=out,
        key_path=place / key,
        spec=spec,
        encoder_path=path,
        size=80,
        site="plant",
        views_path=place / "views.json",
        shard_mb=0.0006,
        segment_s=1,
        **fields,
    )
    run_veil(settings, [str(place / "in"), str(place / "tools")], HERE)
    return out


def settings_of(place: Path, **fields: Any) -> RekeySettings:
    """Settings that rekey a place's veil, and what else is named."""
    keys = {"old_key_path": place / "old.key", "new_key_path": place / "new.key"}
    sources = {"sources": (place / "tools",)} if "archive" in fields else {}
    given: dict[str, Any] = {"encoder_path": place / "encoder.veil", "out": place / "fit-2", **keys, **sources}
    return RekeySettings(**(given | fields))
