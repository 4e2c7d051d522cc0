"""Warm starts: what a fit publishes, others begin from, under a rotation of their own."""

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from raypp.detect.model import build_detector
from raypp.detect.warm_start_header import WARM_START_FILE
from raypp.errors import ModelError, OptionError
from raypp.execution import ExecutionSettings, On
from raypp.fit.fitting import build_fit, warm_up_codes
from raypp.fit.run import fit_plan_lines, run_fit
from raypp.fit.settings import FitSettings
from raypp.fit.stem import stem_of
from raypp.fit.warm_start import write_warm_start
from raypp.veil.encoder_file import ENCODER_FILE
from tests.command import raypp, succeed
from tests.videos import make_dataset

CLASSES = ("hammer", "saw")
_PIXELS, _CHANNELS = 64, 5


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("place")
    torch.manual_seed(3)
    public = build_detector("yolov8p", CLASSES, None)
    for layer in public.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 1.0  # so that features of random weights have a spread, as those of public ones
    public.train()(_images(32))
    torch.save({"model": public}, place / "public.pt")
    settings = FitSettings(
        data=str(place), weights=place / "public.pt", architecture="yolov8p", size=_PIXELS, channels=_CHANNELS
    )
    model, carried = _warmed(settings.model_copy(update={"warm_up": 16}))
    assert carried > 0.4, "of the public features"
    write_warm_start(settings, CLASSES, model.state_dict(), place)
    return place


def _settings(place: Path, **changed: object) -> FitSettings:
    settings = FitSettings(
        data=str(place),
        warm_start=place / WARM_START_FILE,
        architecture="yolov8p",
        size=_PIXELS,
        channels=_CHANNELS,
        warm_up=16,
    )
    return settings.model_copy(update=changed)


def _images(count: int = 2, seed: int = 0) -> torch.Tensor:
    """Images of soft spots, which a network of random weights can tell apart."""
    drawn = np.random.default_rng(seed).random((count, 3, _PIXELS // 8, _PIXELS // 8), dtype=np.float32)
    return torch.nn.functional.interpolate(torch.from_numpy(drawn), scale_factor=8, mode="bilinear")


class _Batch:
    def __init__(self, images: torch.Tensor) -> None:
        self._images = images

    def network_inputs(self, device: torch.device) -> torch.Tensor:
        return self._images.to(device)


def _warmed(settings: FitSettings) -> tuple[torch.nn.Module, float]:
    """A detector after the warm-up, and the share of features that its codes carry."""
    model = build_fit(settings, CLASSES)
    batches = [_Batch(_images(8, seed)) for seed in range(5)]
    explained = warm_up_codes(model, settings, lambda _: batches, len(batches), torch.device("cpu"))
    return model.eval(), explained


def test_a_warm_start_is_the_fit_that_it_was(place: Path) -> None:
    model = build_fit(_settings(place), CLASSES).eval()
    published = safetensors.torch.load_file(place / WARM_START_FILE)
    own = model.state_dict()
    assert not any(".adversaries." in name for name in published)
    assert set(own) - set(published) == {name for name in own if ".adversaries." in name}
    assert all(torch.equal(own[name], tensor.to(own[name].dtype)) for name, tensor in published.items())


def test_classes_are_taken_over_by_their_names(place: Path) -> None:
    model = build_fit(_settings(place), ("pliers", "saw", "hammer"))
    head = "model.22.cv3.0.2.weight"
    published = safetensors.torch.load_file(place / WARM_START_FILE)[head].float()
    assert torch.equal(model.state_dict()[head][[2, 1]], published)


def test_branches_as_wide_as_those_of_public_weights_are_taken(place: Path, tmp_path: Path) -> None:
    torch.save({"model": build_detector("yolov8p", tuple(map(str, range(90))), None)}, tmp_path / "public.pt")
    settings = _settings(place, weights=tmp_path / "public.pt", warm_start=None)
    published = build_fit(settings, CLASSES).state_dict()
    branch = "model.22.cv3.0.0.conv.weight"
    assert published[branch].shape[0] > build_fit(_settings(place), CLASSES).state_dict()[branch].shape[0]
    write_warm_start(settings, CLASSES, published, tmp_path)
    taken = build_fit(_settings(place, warm_start=tmp_path / WARM_START_FILE), CLASSES).state_dict()
    assert torch.equal(taken[branch], published[branch].half().float())


def test_codes_begin_at_a_rotation_that_nobody_knows_and_carry_the_same(place: Path) -> None:
    settings = _settings(place)
    (first, carried), (second, _) = _warmed(settings), _warmed(settings)
    published = build_fit(settings, CLASSES).eval()
    assert carried > 0.5, "of what the published codes carried, rounded again"
    images = _images(8, seed=99)
    with torch.no_grad():
        levels = [stem_of(model).encoder(images).movedim(1, 0).flatten(1) for model in (published, first, second)]
    for first_fit, other_fit in ((0, 1), (0, 2), (1, 2)):
        between = np.abs(np.corrcoef(levels[first_fit], levels[other_fit])[:_CHANNELS, _CHANNELS:])
        assert between.max(axis=1).min() < 0.9, "at least one channel is no other's"
    spread = torch.stack([level.std(1) for level in levels[1:]])
    assert float(spread.min()) > 0.3 * float(spread.max()), "each channel carries something"


def test_codes_from_public_weights_begin_at_a_secret_rotation_unless_a_seed_is_stated(tmp_path: Path) -> None:
    torch.manual_seed(3)
    torch.save({"model": build_detector("yolov8p", CLASSES, None)}, tmp_path / "public.pt")
    fit = _settings(tmp_path, warm_start=None, weights=tmp_path / "public.pt", warm_up=1)
    secret, other = (_bottleneck(fit) for _ in range(2))
    assert not torch.allclose(secret, other, atol=0.1)
    stated = fit.model_copy(update={"seed": 0})
    assert torch.equal(_bottleneck(stated), _bottleneck(stated))


def _bottleneck(settings: FitSettings) -> torch.Tensor:
    torch.manual_seed(0)
    return stem_of(_warmed(settings)[0]).encoder.bottleneck.weight.detach()


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"channels": 8}, OptionError, f"`channels` 8 is not that of `warm_start` .*; give {_CHANNELS}"),
        ({"architecture": "yolov8n"}, OptionError, "`architecture` yolov8n is not that .*; give yolov8p"),
        ({"warm_start": Path("none")}, OptionError, "`warm_start` none is no file; give what `raypp fit --publish`"),
        ({"weights": Path("public.pt")}, OptionError, "give either public `weights` or a `warm_start`"),
        ({"warm_start": None}, OptionError, "give either public `weights` or a `warm_start`"),
    ],
)
def test_what_does_not_go_together_is_named_before_any_work(
    place: Path, tmp_path: Path, changed: dict[str, object], error: type[Exception], message: str
) -> None:
    make_dataset(tmp_path / "tools", count=18)
    succeed("keygen", "--out", tmp_path / "owner.key")
    settings = _settings(place, data=str(tmp_path / "tools"), batch=4).model_copy(update=changed)
    with pytest.raises(error, match=message):
        run_fit(settings, tmp_path / "fitted", tmp_path / "owner.key")
    assert not (tmp_path / "fitted").exists(), "the same command with what helps goes on from nothing"
    if "warm_start" not in changed and "weights" not in changed:
        with pytest.raises(error, match=message):
            list(fit_plan_lines(settings))


def _altered(tensors: dict[str, torch.Tensor]) -> dict[str, dict[str, torch.Tensor]]:
    name = next(name for name in tensors if name.endswith("bottleneck.weight"))
    variance = next(name for name in tensors if name.endswith("running_var"))
    return {
        "its tensors are not those of a yolov8p": {key: tensor for key, tensor in tensors.items() if key != name},
        "tensors are not those": tensors | {"model.99.weight": torch.zeros(1)},
        "are not those": tensors | {name: tensors[name][:-1]},
        f"{name} holds what it cannot be": tensors | {name: tensors[name] * float("nan")},
        f"{variance} holds what it cannot be": tensors | {variance: -1 - tensors[variance]},
        f"{name} is of type torch.float8": tensors | {name: tensors[name].to(torch.float8_e4m3fn)},
    }


def test_a_file_that_no_fit_published_is_refused(place: Path, tmp_path: Path) -> None:
    path = tmp_path / "given.safetensors"
    settings = _settings(place, warm_start=path)
    content = (place / WARM_START_FILE).read_bytes()
    other = safetensors.torch.save({"weight": torch.zeros(3)})
    for given, reason in ((b"", ""), (b"no tensors" * 9, ""), (content[:-100], ""), (other, "no fit wrote it")):
        path.write_bytes(given)
        with pytest.raises(ModelError, match=f"cannot be used .*{reason}.*give the {WARM_START_FILE} of a fit"):
            build_fit(settings, CLASSES)
    length = int.from_bytes(content[:8], "little")
    metadata = json.loads(content[8 : 8 + length])["__metadata__"]
    for reason, tensors in _altered(safetensors.torch.load(content)).items():
        path.write_bytes(safetensors.torch.save(tensors, metadata))
        with pytest.raises(ModelError, match=reason):
            build_fit(settings, CLASSES)
    path.write_bytes(safetensors.torch.save({}, metadata | {"raypp-warm-start": '{"version": 2}'}))
    with pytest.raises(ModelError, match="version"):
        build_fit(settings, CLASSES)


def test_a_fit_publishes_and_another_begins_from_it(place: Path, tmp_path: Path) -> None:
    key = tmp_path / "owner.key"
    make_dataset(tmp_path / "tools", count=18)
    succeed("keygen", "--out", key)
    shape = ("--model", "yolov8p", "--size", 64, "--epochs", 1, "--batch", 4, "--channels", _CHANNELS, "--warm-up", 1)
    shape += ("--seed", 0)
    common = (tmp_path / "tools", "--key", key, *shape, "--on", "local")
    kept, second = tmp_path / "kept", tmp_path / "second"
    succeed("fit", *common, "--weights", place / "public.pt", "--out", kept, "--keep-checkpoints")
    assert not (kept / WARM_START_FILE).exists()
    done = succeed("fit", *common, "--weights", place / "public.pt", "--out", kept, "--keep-checkpoints", "--publish")
    assert f"warm start    {kept / WARM_START_FILE} (encoder and detector, unsealed" in done.stderr
    assert (kept / WARM_START_FILE).stat().st_mode & 0o077 == 0
    again = FitSettings.model_validate_json((kept / "fit.json").read_bytes())
    run_fit(again, tmp_path / "again", key, ExecutionSettings(on=On.LOCAL), publish=True)
    assert (tmp_path / "again" / WARM_START_FILE).read_bytes() == (kept / WARM_START_FILE).read_bytes(), "the same fit"

    succeed("fit", *common, "--warm-start", kept / WARM_START_FILE, "--out", second)
    assert (second / ENCODER_FILE).exists()
    assert not (second / WARM_START_FILE).exists()
    refused = raypp("fit", *common, "--warm-start", kept / WARM_START_FILE, "--out", second, "--publish")
    assert refused.returncode == 1
    assert "has finished, and kept nothing unsealed; fit into another --out" in refused.stderr
