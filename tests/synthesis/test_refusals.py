"""What no generator can learn from is refused in one line, and nothing is written."""

from pathlib import Path

import pytest

from raypp.errors import KeyFileError, LabelError, OptionError, ShardError, SpecError
from raypp.shards.labels import SampleLabels, write_labels
from raypp.shards.reader import ShardReader
from raypp.shards.store import Store
from raypp.synthesis.run import run_synthesis
from raypp.synthesis.settings import SynthesisSettings
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key
from tests.synthesis.archives import CLASSES, patch_spec, write_real


def _settings(real: Path, out: Path, **fields: object) -> SynthesisSettings:
    return SynthesisSettings(**({"archive": real, "out": out, "frames": 10} | fields))


def test_few_frames_are_refused_with_their_count(tmp_path: Path) -> None:
    real = write_real(tmp_path / "real", 199, 20)
    with pytest.raises(LabelError, match=r"have 199 train frames \(20 val\).*fewer than 200"):
        run_synthesis(_settings(real, tmp_path / "out"))
    assert not (tmp_path / "out-private").exists()


def test_rare_classes_are_named_and_left_out_on_request(tmp_path: Path) -> None:
    real = write_real(tmp_path / "real", 240, 20, rare=7)
    with pytest.raises(LabelError, match=r"fewer than 20 train boxes of washer \(7\).*`leave_out_rare`"):
        run_synthesis(_settings(real, tmp_path / "out"))
    summary = run_synthesis(_settings(real, tmp_path / "out", leave_out_rare=True), dry_run=True)
    assert (summary.train_frames, summary.left_out_frames, summary.left_out_classes) == (233, 7, ("washer",))


def test_a_patch_veil_of_several_sub_keys_is_refused(tmp_path: Path) -> None:
    real = write_real(tmp_path / "real", spec=patch_spec(4))
    with pytest.raises(SpecError, match="patch veil with 4 sub-keys"):
        run_synthesis(_settings(real, tmp_path / "out"))
    alone = write_real(tmp_path / "alone", spec=patch_spec(1))
    assert run_synthesis(_settings(alone, tmp_path / "out"), dry_run=True).train_frames == 240


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"out": "real/synthetic"}, "`out` .*real/synthetic lies within the archive"),
        ({"out": "real"}, "`out` .*real lies within the archive"),
        ({"generator": "real/generator"}, "`generator` .* lies within the archive"),
        ({"generator": "out/generator"}, "`generator` .* lies within `out`"),
        ({"frames": 0}, "`frames` 0 must be at least 1"),
        ({"seed": -1}, "`seed` -1 must be from 0"),
        ({"guidance": -0.5}, "`guidance` -0.5 must be from 0 to 10"),
        ({"guidance": float("nan")}, "`guidance` nan must be from 0 to 10"),
    ],
)
def test_places_and_numbers_are_checked(tmp_path: Path, fields: dict[str, object], words: str) -> None:
    real = write_real(tmp_path / "real", 1, 1)
    given = {name: tmp_path / value if isinstance(value, str) else value for name, value in fields.items()}
    with pytest.raises(OptionError, match=words):
        run_synthesis(_settings(real, **{"out": tmp_path / "out"} | given))


def test_a_key_of_another_owner_does_not_sign(tmp_path: Path) -> None:
    real = write_real(tmp_path / "real")
    save_owner_key(VeilKey.generate(), tmp_path / "owner.key")
    with pytest.raises(KeyFileError, match=r"is not the one that archive .*real was veiled with"):
        run_synthesis(_settings(real, tmp_path / "out", key_path=tmp_path / "owner.key"))
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "out-private").exists()


def test_labels_of_another_archive_and_none_are_refused(tmp_path: Path) -> None:
    real = write_real(tmp_path / "real", 1, 1)
    with pytest.raises(ShardError, match="has no label version others; there are: things"):
        run_synthesis(_settings(real, tmp_path / "out", labels_version="others"))
    write_labels(Store(str(real)), "foreign", CLASSES, "ef" * 16, [SampleLabels("0" * 32, "train", ())])
    with pytest.raises(LabelError, match="labels foreign are of veil efef"):
        run_synthesis(_settings(real, tmp_path / "out", labels_version="foreign"))
    (real / "labels" / "things" / "labels.parquet").unlink()
    (real / "labels" / "foreign" / "labels.parquet").unlink()
    with pytest.raises(LabelError, match="has no labels yet"):
        run_synthesis(_settings(real, tmp_path / "out"))


def test_the_header_of_recorded_frames_has_the_bytes_of_before(tmp_path: Path) -> None:
    header = ShardReader(str(write_real(tmp_path / "real", 1, 1))).header
    assert b"origin" not in header.to_bytes()
    assert b"generator" not in header.to_bytes()
