"""A detector under the new key finds in new codes what the old one found in old codes, and nothing in old ones."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from raypp.bench.sample_bundle import sample_info, write_sample_bundle
from raypp.detect.adapter import CodeAdapter
from raypp.detect.checkpoint import build_model, load_detector
from raypp.errors import ConflictError, ModelError, OptionError, SpecError
from raypp.rekey.run import run_rekey
from raypp.veil.encoder_file import open_encoder, seal_encoder, spec_and_encoder
from raypp.veil.keyfile import save_owner_key
from raypp.veil.spec import LearnedSpec, PatchSpec
from raypp.veil.substitution import every_substitution
from tests.rekey.places import HERE, NEW, OLD, SPEC, settings_of
from tests.veil.networks import small_network

_RENAMED = SPEC.model_copy(update={"encoder": NEW.name_encoder(small_network())})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys, the encoder, and two detectors of random weights: one reads sub-keys apart, the other all alike."""
    place = tmp_path_factory.mktemp("place")
    save_owner_key(OLD, place / "old.key")
    save_owner_key(NEW, place / "new.key")
    (place / "encoder.veil").write_bytes(seal_encoder(SPEC, small_network(), OLD))
    info = sample_info("yolov8p", SPEC, 128, OLD.veil_id(SPEC))
    torch.manual_seed(1)
    model = build_model(info)
    write_sample_bundle(place / "apart.model", info, model)
    embed = next(tensor for name, tensor in model.named_parameters() if name.endswith(".embed.weight"))
    with torch.no_grad():
        own = embed.reshape(SPEC.sub_keys, -1, SPEC.channels, SPEC.levels)[0].clone()
        for number, substitution in enumerate(every_substitution(SPEC, OLD)):
            part = embed.view(SPEC.sub_keys, -1, SPEC.channels, SPEC.levels)[number]
            for channel, source in enumerate(substitution.source.tolist()):
                part[:, channel, substitution.names[channel].tolist()] = own[:, source]
    write_sample_bundle(place / "alike.model", info, model)
    return place


def _codes(spec: LearnedSpec, key: Any, sub_key: int) -> torch.Tensor:
    """Codes of the same levels, whatever the key: uint8[1, C + 1, 16, 16]."""
    levels = np.random.default_rng(3).integers(0, spec.levels, (spec.channels, 16, 16), dtype=np.uint8)
    code = every_substitution(spec, key)[sub_key].apply(levels)
    return torch.from_numpy(np.concatenate([code, np.full((1, 16, 16), sub_key, np.uint8)])[None])


@torch.no_grad()
def _features(path: Path, codes: torch.Tensor) -> torch.Tensor:
    """Return the features that a detector feeds its trunk with."""
    adapter = next(layer for layer in load_detector(path)[0].modules() if isinstance(layer, CodeAdapter))
    return adapter(codes)


def test_a_detector_that_reads_sub_keys_alike_finds_the_same_in_every_frame(place, tmp_path):
    summary = run_rekey(settings_of(place, models=(place / "alike.model",), out=tmp_path / "fit-2"), HERE)
    assert summary.models[0].exact
    before = _features(place / "alike.model", _codes(SPEC, OLD, 0))
    for sub_key in range(SPEC.sub_keys):
        after = _features(tmp_path / "fit-2" / "alike.model", _codes(_RENAMED, NEW, sub_key))
        torch.testing.assert_close(after, before, rtol=1e-5, atol=1e-5)
    stranger = _features(tmp_path / "fit-2" / "alike.model", _codes(SPEC, OLD, 0))
    assert (stranger - before).abs().max() > 1e-2, "the control: it does not read the old names"


def test_a_detector_that_reads_sub_keys_apart_needs_its_cameras_or_the_mean(place, tmp_path):
    apart = {"models": (place / "apart.model",), "out": tmp_path / "fit-2"}
    with pytest.raises(ModelError, match=r"has learned its 3 sub-keys apart.*name its cameras with `cameras`"):
        run_rekey(settings_of(place, **apart), HERE)
    assert not (tmp_path / "fit-2").exists()
    streams = {f"plant/{number}": OLD.stream(SPEC, "plant", str(number)).sub_key for number in range(12)}
    renamed = {name: NEW.stream(_RENAMED, *name.split("/")).sub_key for name in streams}
    summary = run_rekey(settings_of(place, **apart, cameras=("plant/1",)), HERE)
    was, now = streams["plant/1"], renamed["plant/1"]
    assert summary.models[0].exact
    assert summary.models[0].sub_keys[now] == was
    before = _features(place / "apart.model", _codes(SPEC, OLD, was))
    after = _features(tmp_path / "fit-2" / "apart.model", _codes(_RENAMED, NEW, now))
    torch.testing.assert_close(after, before, rtol=1e-5, atol=1e-5)
    other = _features(place / "apart.model", _codes(SPEC, OLD, (was + 1) % SPEC.sub_keys))
    assert (other - before).abs().max() > 1e-3, "the control: sub-keys are read apart"
    two = next(name for name in streams if renamed[name] == now and streams[name] != was)
    elsewhere = {**apart, "out": tmp_path / "fit-3", "cameras": ("plant/1", two)}
    with pytest.raises(ModelError, match="share a sub-key under the new key, and did not under the old one"):
        run_rekey(settings_of(place, **elsewhere), HERE)
    mean = run_rekey(settings_of(place, **elsewhere, mean_of_sub_keys=True), HERE)
    assert not mean.models[0].exact
    assert mean.models[0].sub_keys == (None,) * SPEC.sub_keys


def test_the_encoder_opens_under_the_new_key_alone_and_again_changes_nothing(place, tmp_path, monkeypatch):
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(place))
    settings = settings_of(
        place, models=(place / "alike.model",), out=tmp_path / "fit-2", new_key_path="systemd:new.key"
    )
    dry = run_rekey(settings, HERE, dry_run=True)
    assert not (tmp_path / "fit-2").exists()
    done = run_rekey(settings, HERE)
    assert dry.model_copy(update={"dry_run": False}) == done
    spec, path = spec_and_encoder(done.encoder)
    assert spec == _RENAMED
    assert open_encoder(path, spec, NEW) == small_network()
    with pytest.raises(SpecError, match="sealed under another key"):
        open_encoder(path, spec, OLD)
    assert oct(done.encoder.stat().st_mode & 0o777) == oct(done.models[0].path.stat().st_mode & 0o777) == "0o600"
    before = {path.name: path.read_bytes() for path in (tmp_path / "fit-2").iterdir()}
    run_rekey(settings, HERE)
    assert {path.name: path.read_bytes() for path in (tmp_path / "fit-2").iterdir()} == before
    (tmp_path / "fit-2" / "encoder.veil").write_bytes((place / "encoder.veil").read_bytes())
    with pytest.raises(ConflictError, match="exists, and is not this encoder under the new key"):
        run_rekey(settings, HERE)


def test_what_cannot_be_rekeyed_is_refused_in_one_line(place, tmp_path):
    patch = PatchSpec(channels=6, mix=1)
    (place / "patch.json").write_bytes(patch.canonical())
    (place / "spec.json").write_bytes(SPEC.canonical())
    write_sample_bundle(place / "patch.model", sample_info("yolov8p", patch, 128, OLD.veil_id(patch)))
    for error, words, fields in (
        (OptionError, "is the same key as `old_key_path`", {"new_key_path": place / "old.key"}),
        (
            SpecError,
            "of a patch veil, which cannot be rekeyed;.*veil the sources anew",
            {"encoder_path": place / "patch.json"},
        ),
        (SpecError, "give the encoder file that `raypp fit` wrote", {"encoder_path": place / "spec.json"}),
        (ModelError, "of a patch veil, which cannot be rekeyed", {"models": (place / "patch.model",)}),
        (SpecError, "does not open", {"old_key_path": place / "new.key", "new_key_path": place / "old.key"}),
        (OptionError, "is of an archive; name that with `archive`", {"sources": (place,)}),
        (OptionError, "give SITE/CAMERA", {"cameras": ("gate",)}),
    ):
        with pytest.raises(error, match=words) as raised:
            run_rekey(settings_of(place, **{"out": tmp_path / "fit-2", **fields}), HERE)
        assert len(str(raised.value).splitlines()) == 1
        assert not (tmp_path / "fit-2").exists()
