"""The commands of `raypp collective`, as their page has them."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from raypp.cli.app import build
from raypp.collective.membership import SiteMember
from raypp.collective.plan import load_collective_plan
from raypp.errors import CollectiveError, OptionError
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key


def _run(*arguments: object) -> str:
    done = CliRunner(env={"COLUMNS": "200"}).invoke(build(), ["collective", *map(str, arguments)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    keys = [VeilKey(bytes([number]) * 32) for number in (1, 2, 3)]
    save_owner_key(keys[0], tmp_path / "owner.key")
    sites = "".join(f"  plant-{number}: {key.fingerprint}\n" for number, key in enumerate(keys, 1))
    path = tmp_path / "collective.yaml"
    path.write_text(f"name: t\nsites:\n{sites}classes: [hammer, saw]\nsize: 96\n")
    return path


def test_an_owner_sees_a_plan_and_accepts_it_once(plan: Path, tmp_path: Path) -> None:
    accept = ("accept", plan, "--as", "plant-1", "--key", tmp_path / "owner.key", "--out", tmp_path / "plant-1.member")
    shown = _run(*accept, "--dry-run")
    assert "shared        trunk and head of yolov8n; never an adapter" in shown
    assert "two that work together know the third's update" in shown
    assert not (tmp_path / "plant-1.member").exists()
    assert "goes to the training machine" in _run(*accept)
    assert (tmp_path / "plant-1.member").stat().st_mode & 0o777 == 0o600
    member = SiteMember.read(tmp_path / "plant-1.member")
    member.acceptance.check(load_collective_plan(plan))
    assert "secret" in repr(member)
    with pytest.raises(CollectiveError, match="exists; a secret is never overwritten"):
        _run(*accept)
    with pytest.raises(OptionError, match="opens key .* and the plan has"):  # noqa: RUF043
        _run(*accept[:3], "plant-2", *accept[4:-1], tmp_path / "other.member")
    plan.write_text(plan.read_text() + "rounds: 3\n")
    with pytest.raises(CollectiveError, match="let its owner read this one"):
        member.acceptance.check(load_collective_plan(plan))


def test_a_membership_is_whole_and_closed(plan: Path, tmp_path: Path) -> None:
    path = tmp_path / "plant-1.member"
    SiteMember.accept(load_collective_plan(plan), "plant-1", VeilKey(bytes([1]) * 32)).write(path)
    content = path.read_text()
    for broken in (content[:-20], content.replace("plant-1", "plant-\\u00e9", 1).replace('"version"', '"other"'), "[]"):
        path.write_text(broken)
        with pytest.raises(CollectiveError, match="is no membership, or it is damaged"):
            SiteMember.read(path)
    path.write_text(content)
    path.chmod(0o644)
    with pytest.raises(CollectiveError, match="is open to others"):
        SiteMember.read(path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("share: [trunk, adapter]", "the adapter reads its owner's veil and never leaves"),
        ("threshold: 2", "a sum of two tells each the other's"),
        ("weights: none.pt", r"none\.pt cannot be read"),
        ("sites: {a: ceebdab7c488fe04, b: f817c8128bd02c0a}", "have three, or state `two: true`"),
        ("rounds: many", "rounds"),
        ("colour: red", "colour"),
        ("dp: {unit: frame, epsilon: 8, delta: 1.0e-5}", "a person is on thousands of frames of a video"),
        ("dp: {unit: file, epsilon: 0, delta: 1.0e-5}", "epsilon .* greater than 0"),
        ("dp: {unit: file, epsilon: .nan, delta: 1.0e-5}", "epsilon .* finite"),
        ("dp: {unit: file, epsilon: 8, delta: 0.01, units: 50}", "delta 0.01 is not below 1 of 150 units.* have 1e-05"),
        ("dp: {unit: site, epsilon: 8, delta: 0.5}", "delta 0.5 is not below 1 of 3 units"),
        ("dp: {unit: file, epsilon: 8, delta: 1.0e-5, layers: [adapter]}", "the adapter alone, which is never summed"),
        ("dp: {unit: site, epsilon: 8, delta: 1.0e-5, layers: [adapter, head]}", "where a site is the unit"),
        ("dp: {unit: file, epsilon: 8, delta: 1.0e-5, distrusted: 3}", "distrusted 3 of 3 sites leaves no noise"),
    ],
)
def test_a_plan_that_is_wrong_is_refused_in_one_line(plan: Path, line: str, message: str) -> None:
    name = line.partition(":")[0]
    kept = plan.read_text().splitlines()
    if name == "sites":
        kept = [each for each in kept if not each.startswith(("sites", "  "))]
    plan.write_text("\n".join([*kept, line]) + "\n")
    with pytest.raises(OptionError, match=message) as refused:
        _run("open", plan, "--out", plan.parent / "c", "--dry-run")
    assert "\n" not in str(refused.value)
    assert not (plan.parent / "c").exists()


@pytest.mark.parametrize(
    ("dp", "message"),
    [
        ("epsilon: 0.0000001", r"dp: epsilon 1e-07 at .* cannot be met in 20 rounds, .* have a larger epsilon"),
        ("epsilon: 8, noise: 1", r"dp: noise 1 spends epsilon .* in 20 rounds, and the plan has 8; have noise 3\.08"),
        ("epsilon: 8, units: 300000", "leave no room for a unit in 32 bits; have a larger epsilon, fewer rounds"),
    ],
)
def test_a_plan_whose_privacy_cannot_be_had_is_refused_in_one_line(plan: Path, dp: str, message: str) -> None:
    plan.write_text(f"{plan.read_text()}dp: {{unit: file, delta: 1.0e-6, {dp}}}\n")
    with pytest.raises(OptionError, match=message) as refused:
        load_collective_plan(plan)
    assert "\n" not in str(refused.value)


def test_an_owner_sees_what_a_plan_spends_and_its_noise_is_in_the_digest(plan: Path, tmp_path: Path) -> None:
    without = load_collective_plan(plan)
    assert "dp" not in without.model_dump(mode="json"), "plans without it keep their digests"
    plan.write_text(f"{plan.read_text()}dp: {{unit: file, epsilon: 8, delta: 1.0e-5, units: 100}}\n")
    loaded = load_collective_plan(plan)
    assert loaded.dp is not None
    assert 2.8 < loaded.dp.multiplier < 2.9
    accept = ("accept", plan, "--as", "plant-1", "--key", tmp_path / "owner.key", "--out", tmp_path / "plant-1.member")
    shown = _run(*accept, "--dry-run")
    assert "shared        head-last of yolov8n" in shown
    assert "privacy       of a file: epsilon 8 at delta 1e-05 in 20 noised rounds (closer reckoning: 7." in shown
    assert "give public weights" in shown
    _run(*accept)
    member = SiteMember.read(tmp_path / "plant-1.member")
    member.acceptance.check(loaded)
    for changed in ("epsilon: 9", "epsilon: 8, clip: 0.2", "epsilon: 8, noise: 4"):
        plan.write_text(
            plan.read_text().rpartition("dp:")[0] + f"dp: {{unit: file, {changed}, delta: 1.0e-5, units: 100}}\n"
        )
        with pytest.raises(CollectiveError, match="let its owner read this one"):
            member.acceptance.check(load_collective_plan(plan))


def test_status_needs_a_training(tmp_path: Path) -> None:
    with pytest.raises(CollectiveError, match="holds no training; give the folder of"):
        _run("status", tmp_path)
