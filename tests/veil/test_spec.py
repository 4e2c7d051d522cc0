"""The spec: one canonical text, a stable name, and refusals that name the field and the value."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raypp.errors import SpecError
from raypp.veil.key import VeilKey
from raypp.veil.spec import PatchSpec, load_spec, parse_spec, spec_of, veil_id
from tests.veil import golden

VECTORS = json.loads(golden.GOLDEN.read_text())
FIELDS = list(PatchSpec.model_fields)


def test_canonical_is_sorted_json_of_every_field_without_spaces() -> None:
    text = PatchSpec().canonical().decode()
    assert json.dumps(json.loads(text), sort_keys=True, separators=(",", ":")) == text
    assert sorted(json.loads(text)) == sorted(FIELDS)


@given(st.permutations(FIELDS), st.sets(st.sampled_from(FIELDS)), st.sampled_from([None, 2]))
def test_order_spacing_and_spelt_out_defaults_do_not_change_canonical(
    order: list[str], left_out: set[str], indent: int | None
) -> None:
    whole = PatchSpec().model_dump(mode="json")
    text = json.dumps({name: whole[name] for name in order if name not in left_out}, indent=indent)
    assert parse_spec(text, "spec").canonical() == PatchSpec().canonical()


def test_numbers_that_json_spells_otherwise_name_the_same_veil() -> None:
    for text in ('{"patch": 8.0}', '{"version": 1.0}'):
        assert parse_spec(text, "spec").canonical() == PatchSpec().canonical()


@pytest.mark.parametrize("epoch", [0, 1])
def test_veil_id_is_stable(epoch: int) -> None:
    spec = parse_spec(json.dumps(VECTORS["spec"]), "golden.json")
    assert VeilKey(golden.SECRET, epoch).veil_id(spec) == VECTORS["veil_ids"][epoch]


def test_veil_id_depends_on_every_field_and_on_the_key() -> None:
    changed = {
        "patch": 4,
        "channels": 17,
        "bits": 2,
        "band_low": 2,
        "band_high": 5,
        "chroma_high": 0,
        "fold": 5,
        "mix": 2,
        "dither": 1,
        "sub_keys": 7,
    }
    assert set(changed) == set(FIELDS) - {"family", "version"}
    specs = [PatchSpec(), *(spec_of({name: value}) for name, value in changed.items())]
    names = {veil_id(spec, bytes([key] * 32)) for spec in specs for key in (0, 1)}
    assert len(names) == 2 * len(specs)
    assert all(len(name) == 32 and int(name, 16) >= 0 for name in names)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('{"patch": 5}', ["patch", "5", "4, 8 or 16"]),
        ('{"bits": 5}', ["bits", "5", "4"]),
        ('{"bits": "4"}', ["bits", "'4'", "integer"]),
        ('{"bits": true}', ["bits", "True", "integer"]),
        ('{"channels": 0}', ["channels", "0", "1"]),
        ('{"channels": 16.5}', ["channels", "16.5", "integer"]),
        ('{"fold": NaN}', ["fold", "nan", "integer"]),
        ('{"dither": null}', ["dither", "None", "integer"]),
        ('{"version": 2}', ["version", "2", "1"]),
        ('{"family": "linear"}', ["family", "linear", "patch"]),
        ('{"band_low": 5, "band_high": 2}', ["band_low 5", "band_high 2"]),
        ('{"patch": 4, "band_high": 7}', ["band_high 7", "above 6", "4 patch"]),
        ('{"patch": 4, "chroma_high": 7}', ["chroma_high 7", "above 6"]),
        ('{"channels": 3, "mix": 4}', ["mix 4", "channels 3"]),
        ('{"chanels": 16}', ["chanels", "16", "not permitted"]),
        ("[]", ["spec", "object"]),
        ('{"bits": 4', ["spec", "JSON"]),
        ("", ["spec", "JSON"]),
        ("\xff", ["spec", "JSON"]),
    ],
)
def test_a_refusal_names_place_field_and_value_in_one_line(text: str, parts: list[str]) -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec(text, "line veil.json")
    message = str(caught.value)
    assert message.startswith("line veil.json: ")
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_load_reads_a_file_and_names_one_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "veil.json").write_bytes(PatchSpec(bits=2).canonical())
    assert load_spec(tmp_path / "veil.json") == PatchSpec(bits=2)
    with pytest.raises(SpecError, match=r"spec file .*absent\.json .*No such file"):
        load_spec(tmp_path / "absent.json")


def test_levels_follow_bits() -> None:
    assert [PatchSpec(bits=bits).levels for bits in (1, 2, 3, 4)] == [2, 4, 8, 16]
