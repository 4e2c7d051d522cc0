"""Arms as they are named on the command line."""

import pytest

from raypp.compare.arm import Arm, ComparisonSchedule
from raypp.compare.arm_kind import ArmKind
from raypp.compare.arm_names import parse_arm
from raypp.errors import OptionError, SpecError
from raypp.media.obfuscation import Blackout, Blur, Pixelation, PrivatePixelation
from raypp.veil.spec import PatchSpec


def test_plain_arms_have_no_spec() -> None:
    assert parse_arm("plain-cells", 3) == Arm(name="plain-cells", kind=ArmKind.PLAIN_CELLS, seed=3)


def test_a_veil_is_the_default_with_some_fields_changed() -> None:
    arm = parse_arm("coarse:patch=16,channels=32,adapter_rate=5,sub_keys_told=false", 0)
    assert arm.spec == PatchSpec(patch=16, channels=32)
    assert (arm.kind, arm.adapter_rate, arm.sub_keys) == (ArmKind.VEILED, 5, False)
    assert parse_arm("default", 0).spec == PatchSpec()


def test_other_ways_to_hide_are_named_with_their_measure() -> None:
    written = {
        "pixelation-16": Pixelation(side=16),
        "blur-2.5": Blur(sigma=2.5),
        "blackout": Blackout(),
        "private-pixelation-16:epsilon=0.5": PrivatePixelation(side=16, epsilon=0.5),
        "private-pixelation-16:epsilon=1,neighbours=64": PrivatePixelation(side=16, epsilon=1.0, neighbours=64),
    }
    arms = [parse_arm(text, 2) for text in written]
    assert [arm.obscuring for arm in arms] == list(written.values())
    assert [arm.name for arm in arms] == [way.name for way in written.values()]
    assert {(arm.kind, arm.seed, arm.spec) for arm in arms} == {(ArmKind.OBSCURED, 2, None)}
    assert Arm.model_validate_json(arms[3].model_dump_json()) == arms[3]
    assert len({arm.row_id(ComparisonSchedule(), "tools") for arm in arms}) == 5


def test_a_veil_may_be_called_after_another_way_to_hide(tmp_path) -> None:
    (tmp_path / "spec.json").write_bytes(PatchSpec(fold=0).canonical())
    assert parse_arm(f"blur={tmp_path / 'spec.json'}", 0).kind is ArmKind.VEILED
    assert parse_arm("blurry:fold=0", 0).spec == PatchSpec(fold=0)


def test_a_veil_may_come_from_a_file(tmp_path) -> None:
    path = tmp_path / "spec.json"
    path.write_bytes(PatchSpec(fold=0).canonical())
    assert parse_arm(f"mine={path}", 0).spec == PatchSpec(fold=0)
    arm = parse_arm(f"mine={path},variants=3,adapter_rate=2", 0)
    assert (arm.spec, arm.variants, arm.adapter_rate) == (PatchSpec(fold=0), 3, 2)
    with pytest.raises(OptionError, match="a veil of a file has no channels"):
        parse_arm(f"mine={path},channels=3", 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("veil", "none of plain"),
        ("x:patch", "field=value"),
        ("x:patch=big", "number"),
        ("../x:fold=0", "letters"),
        (":fold=0", "letters"),
        ("pixelation", "side: Field required; write one of pixelation-SIDE, private"),
        ("pixelation-8.5", "side: Input should be a valid integer"),
        ("blur-0", "sigma: Input should be greater than 0"),
        ("blur-8:fold=0", "fold: Extra inputs"),
        ("blackout-3", "number: Extra inputs"),
        ("private-pixelation-16", "epsilon: Field required"),
        ("private-pixelation-16:epsilon=0", "epsilon: Input should be greater than 0"),
        ("private-pixelation-16:epsilon", "field=value"),
        ("homeomorphic:layers=4", "name the encoder.veil of a fit with base="),
        ("homeomorphic:layers=40,base=x", "layers 40 must be from 0 to 32"),
        ("homeomorphic:depth=4,base=x", "write homeomorphic:layers=4,base=ENCODER"),
        ("x:adapter_rate=true,fold=0,sub_keys_told=7", "sub_keys"),
    ],
)
def test_what_is_no_arm_is_refused(text: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        parse_arm(text, 0)


def test_a_field_that_a_spec_does_not_have_is_refused() -> None:
    with pytest.raises(SpecError, match="colour"):
        parse_arm("x:colour=3", 0)


def test_a_row_is_found_again_by_its_settings_alone(tmp_path) -> None:
    arm = parse_arm("default", 0)
    here, there = (ComparisonSchedule(weights=tmp_path / folder / "yolov8n.pt") for folder in ("a", "b"))
    assert arm.row_id(here, "tools") == arm.row_id(there, "tools")
    others = [
        parse_arm("default", 1).row_id(here, "tools"),
        parse_arm("default:fold=0", 0).row_id(here, "tools"),
        arm.row_id(here.model_copy(update={"epochs": 7}), "tools"),
        arm.row_id(here, "cells"),
    ]
    assert len({arm.row_id(here, "tools"), *others}) == 5
