"""A learned veil is audited as any other: under its own spec and name, wherever its encoder lies."""

import base64
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from raypp.audit import settings as auditing
from raypp.audit.attacks.reconstruct.key_lost import KeyLost
from raypp.audit.core.budget import Budget
from raypp.audit.core.model import Adversary
from raypp.audit.core.row import ReconstructRow
from raypp.audit.lab import lab_of
from raypp.audit.settings import AuditSettings
from raypp.audit.suite.suite import Planned, suite
from raypp.audit.targets.target import VEIL, veil
from raypp.audit.tasks import AttackTask, read_attack_rows, run_attack, tasks
from raypp.audit.verdict.certificate import certify, sign, verify_certificate
from raypp.errors import SpecError
from raypp.veil.encoder_file import seal_encoder
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import load_owner_key, save_owner_key
from raypp.veil.spec import LearnedSpec
from raypp.veil.veil import open_veil
from tests.audit.images import shapes
from tests.veil.networks import small_network

NETWORK = small_network()


@pytest.fixture
def settings(tmp_path: Path) -> AuditSettings:
    key = VeilKey(bytes(range(32)))
    save_owner_key(key, tmp_path / "owner.key")
    spec = LearnedSpec(channels=6, bits=3, sub_keys=3, encoder=key.name_encoder(NETWORK))
    (tmp_path / "encoder.veil").write_bytes(seal_encoder(spec, NETWORK, key))
    (tmp_path / "images").mkdir()
    for number, frame in enumerate(shapes(12, (96, 96), 0).frames):
        Image.fromarray(frame).save(tmp_path / "images" / f"{number}.png")
    return AuditSettings(
        sources=(str(tmp_path / "images"),),
        out=tmp_path / "out",
        key_path=tmp_path / "owner.key",
        spec=spec,
        encoder=tmp_path / "encoder.veil",
        size=96,
        budget=Budget.QUICK,
    )


def _view(settings: AuditSettings) -> list[AttackTask]:
    """The cheapest attack, on all that it is made on."""
    return [task for task in tasks(settings) if task.attack.name == "component view"]


def test_its_certificate_is_of_its_spec_and_verifies(settings: AuditSettings) -> None:
    for task in (wanted := _view(settings)):
        run_attack(task)
    key = load_owner_key(settings.key_path)
    rows = read_attack_rows(wanted)
    stated = certify(
        settings.spec, key, rows, evidence=lab_of(settings).evidence, bounds={}, budget="quick", size=settings.size
    )
    settings.out.joinpath("certificate.json").write_bytes(sign(stated, key))
    verified = verify_certificate(settings.out / "certificate.json")
    assert verified.veil_id == key.veil_id(settings.spec)
    assert verified.spec["family"] == "learned"
    (row,) = [row for row in verified.rows if row.is_veil]
    assert row.detail is not None


def test_what_is_attacked_are_the_codes_of_its_own_encoder(settings: AuditSettings) -> None:
    opened = open_veil(settings.spec, load_owner_key(settings.key_path), settings.encoder)
    victims = lab_of(settings).evidence.victims
    codes = veil(opened).encode(victims)
    assert codes.shape == (len(victims), 6, 12, 12)
    assert np.array_equal(codes, opened.stream("audit", victims.cameras[0]).encode(victims.frames))


def test_under_its_key_it_is_inverted_through_its_own_encoder_and_the_key_goes_nowhere(
    settings: AuditSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    attacks = replace(suite(Budget.QUICK), planned=(Planned(KeyLost(3, 2), None, (VEIL,)),))
    monkeypatch.setattr(auditing, "suite", lambda *_, **__: attacks)
    (task,) = tasks(settings)
    run_attack(task.model_copy(update={"recognisers": ""}))
    (path,) = (settings.out / "rows").glob("*.json")
    row = ReconstructRow.model_validate_json(path.read_bytes())
    assert (row.adversary, row.attack.name, row.is_veil) == (Adversary.WHITE_BOX, "inversion under the key", True)
    assert row.detail is not None
    secret = load_owner_key(settings.key_path).export_secret()
    for text in (task.model_dump_json(), path.read_text()):
        assert secret.hex() not in text
        assert base64.b64encode(secret).decode() not in text


def test_a_row_is_of_the_encoder_and_not_of_its_place(settings: AuditSettings) -> None:
    assert settings.encoder is not None
    moved = settings.model_copy(update={"encoder": settings.out.parent / "other.veil"})
    other = settings.model_copy(update={"spec": settings.spec.model_copy(update={"encoder": "0" * 32})})
    rows = [{task.row_id for task in _view(case)} for case in (settings, moved, other)]
    assert rows[0] == rows[1]
    assert not rows[0] & rows[2]
    (attacked,) = [task for task in _view(moved) if task.target == VEIL]
    with pytest.raises(SpecError, match=r"other\.veil"):
        run_attack(attacked)
    shutil.copy(settings.encoder, settings.out.parent / "other.veil")
    assert run_attack(attacked) == "component view on this veil"
