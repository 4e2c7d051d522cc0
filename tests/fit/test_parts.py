"""Parts of a fit: what passes gradients, what hides is measured as leakage is, and what is left is what was fitted."""

from pathlib import Path

import numpy as np
import pytest
import torch

import raypp
from raypp.audit.attacks.reconstruct.similarity import correlation, textured
from raypp.audit.metrics import scores
from raypp.audit.targets.program import Program
from raypp.detect.checkpoint import load_bundle
from raypp.detect.encoder_kind import EncoderKind
from raypp.detect.model import build_detector
from raypp.detect.quantise import one_hot_levels
from raypp.detect.schedule import TrainingSchedule
from raypp.errors import OptionError, SpecError
from raypp.fit.adversary import UNIT, AdversaryNetwork, cells_of, explained
from raypp.fit.adversary_shape import AdversaryShape
from raypp.fit.export import to_onnx, write_fitted
from raypp.fit.fitting import build_fit
from raypp.fit.reversal import reverse_gradient
from raypp.fit.settings import FitSettings
from raypp.fit.stem import entropy, stem_of
from raypp.veil.encoder_file import ENCODER_FILE, START_FILE
from raypp.veil.key import VeilKey
from raypp.veil.learned import EncoderNetwork
from raypp.veil.learned_torch import TorchEncoderNetwork
from raypp.veil.veil import open_veil

CLASSES = ("hammer", "saw")
_PIXELS = 64


def _weights(folder: Path) -> Path:
    torch.manual_seed(3)
    path = folder / "public.pt"
    torch.save({"model": build_detector("yolov8p", CLASSES, None)}, path)
    return path


@pytest.fixture
def settings(tmp_path):
    weights = _weights(tmp_path)
    return FitSettings(
        data=str(tmp_path), weights=weights, architecture="yolov8p", size=_PIXELS, channels=5, sub_keys=3
    )


def _images(count: int = 2) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (count, 3, _PIXELS, _PIXELS), dtype=np.uint8))


def test_levels_are_rounded_forward_and_interpolated_backward():
    values = torch.tensor([0.2, 1.4, 2.6, 3.0], requires_grad=True)
    one_hot = one_hot_levels(values[None, :, None, None], 4).reshape(4, 4)
    assert one_hot.argmax(1).tolist() == [0, 1, 3, 3]
    assert torch.equal(one_hot.detach().sum(1), torch.ones(4))
    assert one_hot.detach().unique().tolist() == [0, 1]
    (one_hot @ torch.tensor([0.0, 1.0, 10.0, 100.0])).sum().backward()
    assert values.grad is not None
    assert values.grad[:3].tolist() == [1, 9, 90]  # the way from each value's lower to its upper neighbour


def test_a_reversed_gradient_leaves_values_alone():
    values = torch.tensor([1.0, 2.0], requires_grad=True)
    out = reverse_gradient(values, 3.0)
    assert torch.equal(out.detach(), values.detach())
    out.sum().backward()
    assert values.grad is not None
    assert values.grad.tolist() == [-3, -3]


def test_what_adversaries_gain_is_what_the_audit_measures():
    images, chance = _images(3), np.random.default_rng(4)
    blurred = (images.float() + torch.from_numpy(chance.normal(0, 90, images.shape))).clamp(0, 255).byte()
    cells, edges, _ = cells_of(images.float() / 255, 8)
    mine, mine_edges, _ = cells_of(blurred.float() / 255, 8)
    plain, reconstructed = (shown.permute(0, 2, 3, 1).numpy() for shown in (images, blurred))
    assert float(correlation(mine, cells, textured(cells, UNIT))) == pytest.approx(
        scores.detail(reconstructed, plain, 8).mean(), abs=1e-3
    )
    likeness = float(correlation(mine_edges, edges, textured(cells, UNIT)))
    assert likeness == pytest.approx(scores.edges(reconstructed, plain, 8).mean(), abs=1e-3)
    assert float(explained(cells, cells)) == pytest.approx(1)
    assert float(explained(cells.mean((0, 2, 3), keepdim=True).expand_as(cells), cells)) == pytest.approx(0, abs=0.01)


def test_entropy_is_in_bits():
    even = torch.eye(4).reshape(1, 4, 2, 2)  # each of four values in one of four cells
    assert float(entropy(even, 4)) == pytest.approx(2, abs=1e-3)
    assert float(entropy(even[:, [0, 0, 0, 0]] * 0 + torch.eye(4)[0].reshape(1, 4, 1, 1), 4)) == pytest.approx(
        0, abs=1e-3
    )


@pytest.mark.parametrize("shape", list(AdversaryShape))
def test_every_adversary_opens_codes_that_hide_nothing(shape):
    torch.manual_seed(0)
    adversary = AdversaryNetwork(shape, channels=4, levels=8, patch=4)
    images = torch.nn.functional.interpolate(torch.rand(8, 3, 16, 16), scale_factor=2)  # 2x2 pixels are alike
    cells, _, tone = cells_of(images, 4)
    luma = cells[:, [0, 2, 8, 10]]
    one_hot = one_hot_levels(luma * 7, 8)
    optimizer = torch.optim.Adam(adversary.parameters(), 3e-3)
    for _ in range(80):
        mine = adversary(one_hot)
        loss = -correlation(mine[0], cells, textured(cells, UNIT)) - explained(mine[2], tone)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        assert float(correlation(adversary(one_hot)[0], cells, textured(cells, UNIT))) > 0.7
        adversary.restart()
        assert abs(float(correlation(adversary(one_hot)[0], cells, textured(cells, UNIT)))) < 0.3


@pytest.mark.parametrize(
    ("patch", "kind"), [(8, EncoderKind.STAGES), (16, EncoderKind.STAGES), (8, EncoderKind.INTEGER)]
)
def test_what_a_fit_leaves_gives_the_fitted_detectors_features(settings, tmp_path, patch, kind):
    settings = settings.model_copy(update={"patch": patch, "encoder": kind})
    torch.manual_seed(1)
    model = build_fit(settings, CLASSES)
    stem = stem_of(model)
    images = _images()
    stem.encoder.start_from([images.float() / 255], np.random.default_rng(0))
    model.train()
    model(images.float() / 255)  # the normalisations see something
    stem.take_codes()
    model.eval()
    key = VeilKey(bytes(32))
    schedule = TrainingSchedule(epochs=1, batch=1, steps=1)
    spec = write_fitted(settings, CLASSES, schedule, model.state_dict(), key, tmp_path)
    start, info = load_bundle(tmp_path / START_FILE)
    assert (info.veil_id, info.sub_keys) == (key.veil_id(spec), 3)
    veil = open_veil(spec, key, tmp_path / ENCODER_FILE)
    streams = {stream.sub_key: stream for stream in (veil.stream("site", f"camera-{number}") for number in range(20))}
    assert sorted(streams) == [0, 1, 2]
    frames = images.permute(0, 2, 3, 1).contiguous().numpy()
    with torch.no_grad():
        wanted = model(images.float() / 255)[0]
        for sub_key, stream in streams.items():
            codes = stream.encode(frames)
            plane = np.full((len(codes), 1, *codes.shape[2:]), sub_key, dtype=np.uint8)
            started = start(torch.from_numpy(np.concatenate([codes, plane], axis=1)))[0]
            assert torch.allclose(started, wanted, rtol=1e-3, atol=1e-2), float((started - wanted).abs().max())


def test_the_network_at_the_edge_gives_the_levels_of_the_fit(settings):
    stem = stem_of(build_fit(settings, CLASSES))
    stem.encoder.start_from([_images().float() / 255], np.random.default_rng(0))
    stem.eval()
    content = to_onnx(stem.encoder, settings.patch)
    assert to_onnx(stem.encoder, settings.patch) == content
    assert str(Path(raypp.__file__).parent).encode() not in content, "its name depends on what was fitted alone"
    network, on_torch = EncoderNetwork(content), TorchEncoderNetwork(content, "cpu")
    for height, width in ((64, 64), (48, 120), (384, 640)):
        frame = np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)
        with torch.no_grad():
            wanted = stem.encoder(torch.from_numpy(frame).permute(2, 0, 1)[None].float() / 255).round()[0].numpy()
        levels = network.levels(frame)
        assert levels.shape == (5, height // 8, width // 8)
        for given in (levels, on_torch.levels(frame)):
            assert np.mean(given != wanted) < 1e-3
            assert np.abs(given - wanted).max() <= 1


def test_an_audit_follows_gradients_through_the_encoder_that_a_fit_writes(settings):
    stem = stem_of(build_fit(settings, CLASSES))
    stem.encoder.start_from([_images().float() / 255], np.random.default_rng(0))
    stem.eval()
    images = _images().float()
    program = Program.of(to_onnx(stem.encoder, settings.patch))
    pixels = images.clone().requires_grad_()
    levels = program(pixels)
    with torch.no_grad():
        wanted = stem.encoder(images / 255)
    assert levels.shape == wanted.shape
    inside = (levels >= 0) & (levels <= stem.encoder.levels - 1)
    assert inside.float().mean() > 0.5
    assert (levels - wanted)[inside].abs().max() <= 0.5 + 1e-3, "but for rounding, they are the fit's"
    levels.sum().backward()
    assert pixels.grad is not None
    assert (pixels.grad.abs().amax((1, 2, 3)) > 0).all()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"epochs": 0}, "`epochs` 0 must be at least 1"),
        ({"hide": -1.0}, "`hide` -1.0 must not be negative"),
        ({"size": 100}, "`size` 100 must be a multiple of 32"),
        ({"workers": 3}, "`batch` 16 cannot be shared by 3 workers"),
        (
            {"weights": Path("none.pt")},
            "`weights` none.pt is no file; give an ultralytics checkpoint such as yolov8n.pt (download it",
        ),
        ({"adversaries": ()}, "name at least one of `adversaries`"),
    ],
)
def test_settings_out_of_range_are_named(settings, changed, message):
    with pytest.raises(OptionError) as caught:
        settings.model_copy(update=changed).check()
    assert message in str(caught.value)


def test_a_veil_that_cannot_be_is_refused_before_any_work(settings):
    with pytest.raises(SpecError, match="patch"):
        settings.model_copy(update={"patch": 7}).spec("0" * 32)
