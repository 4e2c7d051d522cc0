import base64
import hashlib
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from raypp.audit.core.model import Images
from raypp.audit.footage.evidence import Evidence
from raypp.audit.verdict.certificate import Certificate, certify, sign, verify_certificate
from raypp.audit.verdict.gates import MATCHING
from raypp.errors import CertificateError
from raypp.veil.key import VeilKey, fingerprint
from raypp.veil.spec import spec_of
from tests.audit.rows import KEY, SPEC, certificate, labels_only, match, pairs, reconstruct

OTHER = VeilKey(b"\x05" * 32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "certificate.json"


def refusal(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(CertificateError) as caught:
        verify_certificate(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    assert ";" in message or ":" in message
    return message


def places(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Every value of a document that is no object and no list, and where it is."""
    if isinstance(value, dict | list):
        for name, member in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(member, (*at, name))
    else:
        yield at, value


def changed(value: Any) -> Any:
    """Return a value of the same kind, little different, or as different as a forger may like."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case float():
            return math.nextafter(value, 1e9)
        case str():
            return ("0" if value[:1] != "0" else "1") + value[1:]
        case _:
            return 0.5


def replaced(document: Any, at: tuple[str | int, ...], value: Any) -> Any:
    copy = json.loads(json.dumps(document))
    inner = copy
    for name in at[:-1]:
        inner = inner[name]
    inner[at[-1]] = value
    return copy


def signed_anew(body: dict[str, Any], key: VeilKey = KEY) -> bytes:
    """Return what somebody makes who has a key and his own program."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    signature = base64.b64encode(key.sign(b"raypp certificate v1\0" + text)).decode()
    return json.dumps({"certificate": body, "signature": signature}).encode()


def test_what_was_signed_is_read_back_without_a_key(path: Path) -> None:
    stated = certificate()
    path.write_bytes(sign(stated, KEY))
    assert verify_certificate(path) == stated


def test_the_document_may_be_laid_out_anew(path: Path) -> None:
    stated = certificate()
    path.write_text(json.dumps(dict(reversed(json.loads(sign(stated, KEY)).items())), separators=(" ,", " : ")))
    assert verify_certificate(path) == stated


def test_a_change_of_any_value_is_found(path: Path) -> None:
    document = json.loads(sign(certificate(), KEY))
    all_places = list(places(document))
    assert len(all_places) > 100
    for at, value in all_places:
        refusal(path, json.dumps(replaced(document, at, changed(value))).encode())


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_a_change_of_any_byte_is_found(path: Path, step: int) -> None:
    text = sign(certificate([reconstruct()]), KEY)
    for place in range(0, len(text) - 1, step):
        refusal(path, text[:place] + bytes([text[place] ^ 1]) + text[place + 1 :])


@pytest.mark.parametrize("field", Certificate.model_fields)
def test_a_field_left_out_is_found(path: Path, field: str) -> None:
    document = json.loads(sign(certificate(), KEY))
    del document["certificate"][field]
    refusal(path, json.dumps(document).encode())


def test_rows_taken_away_moved_or_added_are_found(path: Path) -> None:
    document = json.loads(sign(certificate(), KEY))
    rows = document["certificate"]["rows"]
    for other in (rows[1:], rows[::-1], rows + rows[:1]):
        assert "signature is false" in refusal(
            path, json.dumps(replaced(document, ("certificate", "rows"), other)).encode()
        )


def test_a_field_named_twice_is_found(path: Path) -> None:
    text = sign(certificate(), KEY)
    assert "names a field twice" in refusal(path, text.replace(b'"budget"', b'"budget": "full", "budget"', 1))


def test_a_signature_written_another_way_is_found(path: Path) -> None:
    document = json.loads(sign(certificate(), KEY))
    signature = document["signature"]
    assert signature.endswith("==")
    twin = signature[:-3] + chr(ord(signature[-3]) + 1) + "=="
    assert base64.b64decode(twin) == base64.b64decode(signature)
    for other in (twin, signature + "\n", signature[:-4], None, 7, [signature]):
        assert "signature is false" in refusal(path, json.dumps({**document, "signature": other}).encode())


def test_a_signature_over_something_else_is_no_signature(path: Path) -> None:
    stated = certificate()
    bare = base64.b64encode(KEY.sign(stated.canonical())).decode()
    document = {"certificate": json.loads(stated.canonical()), "signature": bare}
    assert "signature is false" in refusal(path, json.dumps(document).encode())


def test_another_key_cannot_take_the_place_of_the_first(path: Path) -> None:
    body = json.loads(sign(certificate(), KEY))["certificate"]
    assert "signature is false" in refusal(path, signed_anew(body, OTHER))
    body["public_key"] = base64.b64encode(OTHER.public_key).decode()
    message = refusal(path, signed_anew(body, OTHER))
    assert f"has fingerprint {OTHER.fingerprint}, not the one that it names" in message
    body["key_fingerprint"] = fingerprint(OTHER.public_key)
    assert "veil_id is not that of its spec and public key" in refusal(path, signed_anew(body, OTHER))


def test_even_the_owner_cannot_name_a_veil_with_the_spec_of_another(path: Path) -> None:
    body = json.loads(sign(certificate(), KEY))["certificate"]
    body["spec"]["fold"] = 0
    assert "veil_id" in refusal(path, signed_anew(body))
    body["spec"]["fold"] = 99
    assert "spec is none that this raypp knows" in refusal(path, signed_anew(body))


@pytest.mark.parametrize(
    ("name", "value"), [("verdict", "met"), ("got", 0.01), ("threshold", 0.5), ("high", None), ("by", "x")]
)
def test_even_the_owner_cannot_state_another_verdict_than_the_rows(path: Path, name: str, value: object) -> None:
    rows = [reconstruct(detail=0.4), match(), labels_only(0.25)]
    document = json.loads(sign(certificate(rows), KEY))
    document["certificate"]["gates"][0][name] = value
    assert "its verdict is not what its own rows say" in refusal(path, signed_anew(document["certificate"]))


def test_a_gate_left_out_is_found(path: Path) -> None:
    body = json.loads(sign(certificate([reconstruct(detail=0.4)]), KEY))["certificate"]
    body["gates"] = body["gates"][1:]
    assert "its verdict" in refusal(path, signed_anew(body))


def test_another_verdict_than_the_rows_is_not_signed() -> None:
    with pytest.raises(CertificateError, match="not what its own rows say"):
        sign(certificate(gates=()), KEY)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is no JSON"),
        (b"PAR1\x00\xff", "is no UTF-8 text"),
        (b"[" * 200_000, "is nested deeper"),
        (b'{"certificate": 1e999, "signature": ""}', "not finite"),
        (b'{"certificate": NaN, "signature": ""}', "is no JSON: it holds NaN"),
        (b"[]", "no `certificate` with a `signature`"),
        (b"{}", "no `certificate` with a `signature`"),
        (b'{"certificate": {}}', "no `certificate` with a `signature`"),
        (b'{"certificate": {}, "signature": "", "more": 1}', "no `certificate` with a `signature`"),
        (b'{"certificate": [], "signature": ""}', "certificate"),
        (b'{"certificate": {"a\\nb": 1}, "signature": ""}', "Field required"),
        (b'{"certificate": "\\ud800", "signature": ""}', "certificate"),
    ],
)
def test_what_is_no_certificate_is_refused_in_one_line(path: Path, content: bytes, fault: str) -> None:
    assert fault in refusal(path, content)


def test_a_field_that_does_not_belong_is_named_on_one_line(path: Path) -> None:
    body = json.loads(sign(certificate(), KEY))["certificate"] | {"a\n\x1b[31mb": 1}
    message = refusal(path, signed_anew(body))
    assert "\x1b" not in message
    assert "update raypp" in message


def test_a_certificate_of_another_version_is_refused(path: Path) -> None:
    body = json.loads(sign(certificate(), KEY))["certificate"] | {"version": "raypp-audit-3"}
    assert "field version" in refusal(path, signed_anew(body))


@pytest.mark.parametrize("make", [Path.exists, Path.mkdir], ids=["missing", "folder"])
def test_a_file_that_cannot_be_read_is_named(path: Path, make: Callable[[Path], None]) -> None:
    make(path)
    with pytest.raises(CertificateError, match=r"certificate\.json cannot be read .*; name the certificate\.json"):
        verify_certificate(path)


def test_only_the_named_key_signs() -> None:
    with pytest.raises(CertificateError, match="sign with the key that made the veil"):
        sign(certificate(), OTHER)
    with pytest.raises(CertificateError, match="sign with the key that made the veil"):
        sign(certificate(), KEY.next_epoch())
    with pytest.raises(CertificateError, match="veil_id"):
        sign(certificate(veil_id="00" * 16), KEY)
    with pytest.raises(CertificateError, match="fingerprint"):
        sign(certificate(key_fingerprint="00" * 8), KEY)
    with pytest.raises(CertificateError, match="32 bytes"):
        sign(certificate(public_key=""), KEY)


def test_a_figure_that_is_no_number_is_not_signed() -> None:
    with pytest.raises(CertificateError, match="not a number"):
        sign(certificate([reconstruct(detail=math.nan)]), KEY)


def test_nothing_secret_is_in_the_document() -> None:
    text = sign(certificate(), KEY)
    stream = KEY.stream(SPEC, "audit", "audit")
    for secret in (KEY.export_secret(), stream.weights_seed, stream.dither_seed):
        for cut in (secret, secret[:12], secret[-12:]):
            shapes = (cut, cut.hex().encode(), cut.hex().upper().encode(), base64.b64encode(cut)[:14])
            assert not [shape for shape in shapes if shape in text]
        assert str(list(secret))[1:10].encode() not in text


def test_certify_fills_in_what_an_audit_knows(path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (5, 192, 320, 3), dtype=np.uint8)
    victims = Images(frames, ("audit",) * 5, ((),) * 5)
    evidence = Evidence(known=victims.take(range(3)), victims=victims, passed_by=2)
    rows = [reconstruct(), pairs(6, 0.3), match(top1=0.25), labels_only(0.5)]
    stated = certify(SPEC, KEY, rows, evidence=evidence, bounds={"beside": 1.0}, budget="quick", size=320)
    path.write_bytes(sign(stated, KEY))
    assert verify_certificate(path) == stated
    assert (stated.images.known, stated.images.victims, stated.images.passed_by) == (3, 5, 2)
    assert stated.data_digest == hashlib.sha256(frames.tobytes()).hexdigest()
    assert stated.bounds == {"beside": 1.0}
    assert spec_of(stated.spec) == SPEC
    assert next(gate for gate in stated.gates if gate.name == MATCHING).threshold == 0.5 + 0.05
