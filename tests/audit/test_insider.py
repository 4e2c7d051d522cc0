"""An audit with a detector attacks by it; without one it says so, and makes no ciphertext-only attack anew."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open

from raypp.audit.core.budget import Budget
from raypp.audit.core.model import Kind
from raypp.audit.settings import AuditSettings
from raypp.audit.suite.insider import DrawnEncoders, open_insider
from raypp.audit.suite.suite import OPEN_FEATURES
from raypp.audit.targets.target import VEIL
from raypp.audit.tasks import read_attack_rows, run_attack, tasks
from raypp.detect import warm_start_header
from raypp.detect.model import build_detector
from raypp.detect.public import open_public
from raypp.detect.schedule import TrainingSchedule
from raypp.detect.warm_start_header import WARM_START_FILE
from raypp.errors import ConflictError, ModelError, OptionError
from raypp.fit.export import write_fitted
from raypp.fit.fitting import build_fit
from raypp.fit.settings import FitSettings
from raypp.fit.stem import stem_of
from raypp.fit.warm_start import write_warm_start
from raypp.veil.encoder_file import ENCODER_FILE, START_FILE, spec_and_encoder
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import load_owner_key, save_owner_key
from tests.audit.images import shapes

BRIDGE = "feature bridge, linear"
CLASSES = ("a",)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A learned veil that was never fitted, its starting detector, and images."""
    folder, key = tmp_path_factory.mktemp("insider"), VeilKey(bytes(range(32)))
    save_owner_key(key, folder / "owner.key")
    torch.manual_seed(3)
    torch.save({"model": build_detector("yolov8p", CLASSES, None)}, folder / "public.pt")
    fit = FitSettings(data=str(folder), weights=folder / "public.pt", architecture="yolov8p", size=96, channels=5)
    model = build_fit(fit, CLASSES)
    images = torch.from_numpy(shapes(2, (96, 96), 7).frames).permute(0, 3, 1, 2) / 255
    stem_of(model).encoder.start_from([images], np.random.default_rng(0))
    model(images)
    stem_of(model).take_codes()
    write_fitted(fit, CLASSES, TrainingSchedule(epochs=1, batch=1, steps=1), model.eval().state_dict(), key, folder)
    (folder / "in").mkdir()
    for number, frame in enumerate(shapes(12, (96, 96), 0).frames):
        Image.fromarray(frame).save(folder / "in" / f"{number}.png")
    return folder


def settings(place: Path, **given: Path) -> AuditSettings:
    spec, encoder = spec_and_encoder(place / ENCODER_FILE)
    return AuditSettings(
        sources=(str(place / "in"),),
        out=place / "out",
        key_path=place / "owner.key",
        spec=spec,
        encoder=encoder,
        size=96,
        budget=Budget.QUICK,
        **given,
    )


def test_without_a_detector_every_attack_by_one_says_why_it_was_not_made(place: Path) -> None:
    wanted = [
        task for task in tasks(settings(place, weights=place / "public.pt")) if task.attack.family == "feature bridge"
    ]
    assert [task.target for task in wanted] == [VEIL] * 3
    for task in wanted:
        run_attack(task)
    for row in read_attack_rows(wanted):
        assert row.reason == "it needs --model"
        assert not row.evaluated
        assert row.detail is None


def test_where_nobody_knows_what_a_detector_learnt_from_membership_says_so(place: Path) -> None:
    given = settings(place, model=place / START_FILE).model_copy(update={"budget": Budget.STANDARD})
    wanted = [task for task in tasks(given) if task.attack.family == "membership by loss"]
    assert [(task.target, task.trial) for task in wanted] == [(VEIL, "")] * 2
    run_attack(wanted[0])
    (row,) = read_attack_rows(wanted[:1])
    assert (row.kind, row.auc, row.reason) == (Kind.DECIDE, None, "it needs --members")
    with pytest.raises(OptionError, match=r"`members` \S+ is no local dataset with at least 16 images in train"):
        tasks(given.model_copy(update={"members": str(place / "in")}))


def test_with_one_it_is_attacked_and_held_against_open_features(place: Path) -> None:
    given = settings(place, model=place / START_FILE, weights=place / "public.pt")
    wanted = [task for task in tasks(given) if task.attack.name == BRIDGE]
    assert [task.target for task in wanted] == [VEIL, OPEN_FEATURES]
    for task in wanted:
        run_attack(task)
    attacked, control = read_attack_rows(wanted)
    assert attacked.is_veil
    assert attacked.control is not None
    assert attacked.control.on == OPEN_FEATURES
    assert attacked.detail is not None
    assert control.detail is not None
    assert attacked.control.demands[0].got == control.detail.mean
    assert (given.out / "images" / str(attacked.image)).exists()


def test_another_detector_makes_rows_of_its_own_and_leaves_the_others(place: Path) -> None:
    (place / "other.model").write_bytes((place / START_FILE).read_bytes() + b" ")
    files = [{}, {"model": place / START_FILE}, {"model": place / "other.model"}]
    rows = [
        {task.row_id: bool(task.insider) for task in tasks(settings(place, weights=place / "public.pt", **file))}
        for file in files
    ]
    for listed in rows[1:]:
        assert {row for row, by_team in listed.items() if not by_team} == {row for row, by in rows[0].items() if not by}
    own = [{row for row, by_team in listed.items() if by_team} for listed in rows]
    assert not own[0] & own[1]
    assert not own[1] & own[2]


def test_a_detector_of_another_veil_or_of_plain_images_is_refused(place: Path) -> None:
    with pytest.raises(ConflictError, match=r"is of veil [0-9a-f]{32}, but 0{32} is audited"):
        open_insider(place / START_FILE, place / "public.pt", "0" * 32)
    with pytest.raises(ModelError, match=r"public\.pt"):
        open_insider(place / "public.pt", place / "public.pt", "0" * 32)


def test_a_warm_start_takes_the_place_of_public_weights(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = FitSettings(
        data=str(place), weights=place / "public.pt", architecture="yolov8p", size=96, channels=5, patch=8
    )
    torch.manual_seed(4)
    model = build_fit(public, CLASSES)
    frames = shapes(2, (96, 96), 7).frames
    pixels = torch.from_numpy(frames).permute(0, 3, 1, 2) / 255
    stem = stem_of(model)
    stem.encoder.start_from([pixels], np.random.default_rng(0))
    model(pixels)
    stem.take_codes()
    write_warm_start(public, CLASSES, model.eval().state_dict(), tmp_path)
    warm = tmp_path / WARM_START_FILE

    veil_id = load_owner_key(place / "owner.key").veil_id(spec_and_encoder(place / ENCODER_FILE)[0])
    with monkeypatch.context() as watched:
        headers: list[Path] = []
        watched.setattr(
            warm_start_header, "safe_open", lambda path, **how: headers.append(path) or safe_open(path, **how)
        )
        insider = open_insider(place / START_FILE, warm, veil_id)
    assert headers == [warm], "its header is read once"
    began = build_fit(public.model_copy(update={"weights": None, "warm_start": warm}), CLASSES).eval()
    for frame, image in zip(frames, pixels, strict=True):
        assert np.allclose(insider.public(frame[None]), stem_of(began)(image[None]).detach().numpy(), atol=1e-5)
    assert insider.at_veil(frames).shape == (2, 5, 12, 12)
    assert open_public(warm) is None

    given = settings(place, model=place / START_FILE, weights=warm)
    wanted = {task.target: task for task in tasks(given) if task.attack.name == BRIDGE}
    run_attack(wanted[VEIL])
    assert read_attack_rows([wanted[VEIL]])[0].detail is not None
    assert any(task.attack.family == "decoder for any key" and task.target == VEIL for task in tasks(given))
    drawn = DrawnEncoders(insider.at_veil, frames, given.spec)(1)
    assert drawn.encode(shapes(2, (96, 96), 8)).shape == (2, 5, 12, 12)

    other = public.model_copy(update={"patch": 16, "channels": 48})
    write_warm_start(other, CLASSES, build_fit(other, CLASSES).state_dict(), tmp_path)
    with pytest.raises(ModelError, match=r"cannot be used \(cells of 16 pixels and 32 features, the model has 8"):
        open_insider(place / START_FILE, warm, veil_id)
