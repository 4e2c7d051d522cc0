"""Certificates that the last commit before version 2 signed, by its own code."""

import json
from pathlib import Path
from typing import Any

import pytest

from raypp.audit.core.budget import Budget
from raypp.audit.suite.suite import suite
from raypp.audit.verdict.canonical import to_base64, to_canonical
from raypp.audit.verdict.certificate import verify_certificate
from raypp.audit.verdict.version_1 import attack_id
from raypp.errors import CertificateError
from raypp.veil.key import VeilKey
from tests.audit.rows import KEY
from tests.command import succeed

FOLDER = Path(__file__).parent / "certificates"
FILES = sorted(FOLDER.glob("*.json"))
ATTACKS = FOLDER / "every-attack.json"


def signed(body: Any, key: VeilKey = KEY) -> str:
    """Sign as version 1 did."""
    message = to_canonical(body)
    signature = to_base64(key.sign(b"raypp certificate v1\0" + message))
    return json.dumps({"certificate": body, "signature": signature})


def refusal(path: Path, content: str) -> str:
    path.write_text(content)
    with pytest.raises(CertificateError) as caught:
        verify_certificate(path)
    return str(caught.value)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_is_verified_with_the_verdict_that_it_states(path: Path) -> None:
    stated = json.loads(path.read_text())["certificate"]
    assert stated["version"] == "raypp-audit-1"
    read = verify_certificate(path)
    assert read.veil_id == stated["veil_id"]
    assert read.images.victims == stated["pictures"]["victims"]
    verdicts = [(gate["verdict"], gate["got"], gate["high"], gate["over_keys"]) for gate in stated["gates"]]
    assert [(gate.verdict, gate.got, gate.high, list(gate.over_keys)) for gate in read.gates] == verdicts
    assert [getattr(row, "image", None) for row in read.rows] == [row["picture"] for row in stated["rows"]]
    assert [row.images for row in read.rows] == [row["pictures"] for row in stated["rows"]]
    assert "verified: signed by that key" in succeed("verify", path).stderr


def test_names_of_attacks_become_values() -> None:
    stated = [row["attack"] for path in FILES for row in json.loads(path.read_text())["certificate"]["rows"]]
    read = [row.attack for path in FILES for row in verify_certificate(path).rows]
    images = {"the picture itself": "the image itself"}
    assert [attack.name for attack in read] == [images.get(name, name) for name in stated]
    planned = {planned.attack.id for budget in Budget for planned in suite(budget).planned}
    assert set(read) == planned, "every attack of this version was one of the last, and none is read as another"
    numbers = {attack.name: attack.pairs for attack in read if attack.pairs}
    assert numbers["ridge, 1 pair"] == 1
    assert numbers["activity of cells and ridge, 1000 pairs"] == 1000
    assert numbers["ridge, 6 pairs of another key, names by frequency"] == 6


@pytest.mark.parametrize("name", ["6 repairs", "view, 1,000 pairs", "ridge, 0 pairs", "a" * 300 + ", 6 pairs", "", ","])
def test_a_name_of_another_form_is_kept_as_it_is(name: str) -> None:
    assert attack_id(name).name == name


def test_an_altered_one_is_refused_by_its_signature(tmp_path: Path) -> None:
    document = json.loads(ATTACKS.read_text())
    document["certificate"]["rows"][0]["pictures"] += 1
    assert "signature is false" in refusal(tmp_path / "certificate.json", json.dumps(document))


def test_a_version_of_today_with_the_signature_of_an_old_one_is_refused(tmp_path: Path) -> None:
    document = json.loads(ATTACKS.read_text())
    document["certificate"]["version"] = "raypp-audit-2"
    assert "signature is false" in refusal(tmp_path / "certificate.json", json.dumps(document))


@pytest.mark.parametrize(("name", "value"), [("verdict", "missed"), ("got", 0.01), ("bar", 0.5), ("by", "x")])
def test_another_verdict_than_its_rows_is_refused(tmp_path: Path, name: str, value: object) -> None:
    body = json.loads(ATTACKS.read_text())["certificate"]
    assert body["gates"][0][name] != value
    verify_certificate(ATTACKS)
    body["gates"][0][name] = value
    assert "its verdict is not what its own rows say" in refusal(tmp_path / "certificate.json", signed(body))


def test_fields_of_no_version_are_refused(tmp_path: Path) -> None:
    body = json.loads(ATTACKS.read_text())["certificate"]
    coloured = body | {"rows": [body["rows"][0] | {"colour": "red"}]}
    assert "colour" in refusal(tmp_path / "certificate.json", signed(coloured))
    figure = body | {"rows": [body["rows"][0] | {"top1": body["rows"][0]["detail"]}]}
    assert "top1" in refusal(tmp_path / "certificate.json", signed(figure))
    assert "field rows" in refusal(tmp_path / "certificate.json", signed(body | {"rows": 7}))
    del body["pictures"]
    assert "update raypp" in refusal(tmp_path / "certificate.json", signed(body))
