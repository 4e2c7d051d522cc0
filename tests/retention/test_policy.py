"""One policy is carried out on archives and ledgers; what a tag pins stays, and says by which tag."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from raypp.errors import OptionError
from raypp.forget.receipt import ForgetReceipt
from raypp.ingest.tombstones import FORGETTING_FILE
from raypp.ledger.audit_log import AuditLog
from raypp.ledger.store import Ledger
from raypp.retention.policy import load_policy
from raypp.retention.run import RetentionReport, carry_out
from raypp.shards.labels import read_labels
from raypp.shards.manifest import read_manifest
from raypp.shards.store import Store
from raypp.shards.tags import write_tag
from raypp.shards.verify_archive import verify_archive
from tests.command import archive_bytes, environment, raypp, summary
from tests.forget.places import BEGUN_US, copy_of, frames_of, veil_again
from tests.ledger.site import Connection, chunks, working_day
from tests.rekey.places import HERE, OLD, write_place

_DAY_US = 86_400_000_000
_POLICY = """
rules:
  - {kind: archive, archive: veiled, key: old.key, camera: crane, age: 5d, action: forget}
  - {kind: archive, archive: veiled, key: old.key, age: 5d, action: report}
  - {kind: archive, archive: pinned/veiled, key: old.key, age: 5d, action: forget}
  - {kind: archive, archive: veiled, key: old.key, age: 11d, action: forget}
  - {kind: ledger, ledger: "sqlite:///%s", age: 400d, action: forget}
"""
_ALL = "rules: [{kind: archive, archive: %s, key: %s, age: 5d, action: forget}]"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two archives, one of which a tag pins, a ledger, and a policy on them."""
    place = write_place(tmp_path_factory.mktemp("place"))
    veil_again(place, place / "veiled")
    store = Store(str(copy_of(place / "veiled", place / "pinned")))
    write_tag(store, "release", read_manifest(store), read_labels(store, "tools-v1"))
    copy_of(place / "veiled", place / "untouched")
    with Ledger.open(f"sqlite:///{place}/ledger.db") as ledger:
        ledger.add_site("plant-1")
        Connection(ledger).send_all(chunks(working_day()))
    (place / "retention.yaml").write_text(_POLICY % (place / "ledger.db"))
    return place


def _carried_out(place: Path, *, days: int = 10, dry_run: bool = False) -> RetentionReport:
    policy = load_policy(place / "retention.yaml")
    return carry_out(policy, "tester", HERE, dry_run=dry_run, clock=lambda: BEGUN_US + days * _DAY_US)


def test_each_rule_is_done_and_one_that_fails_keeps_no_other_from_it(place):
    before = archive_bytes(place / "veiled"), archive_bytes(place / "pinned")
    dry = _carried_out(place, dry_run=True)
    assert (archive_bytes(place / "veiled"), archive_bytes(place / "pinned")) == before
    assert [rule.frames for rule in dry.rules] == [4, 37, 0, 0, 240]
    done = _carried_out(place)
    assert [rule.frames for rule in done.rules] == [4, 33, 0, 0, 240]
    assert [rule.failed is None for rule in done.rules] == [True, True, False, True, True]
    assert "tag release of archive" in done.rules[2].failed
    assert dry.rules[2].failed == done.rules[2].failed
    assert ForgetReceipt.read(done.rules[0].receipt).is_true()
    assert [rule.receipt for rule in done.rules[1:]] == [None] * 4
    assert len(frames_of(place / "veiled")) == 33
    assert archive_bytes(place / "pinned") == before[1]
    with Ledger.open(f"sqlite:///{place}/ledger.db") as ledger:
        assert {entry.who for entry in AuditLog(ledger).latest() if entry.action == "retain"} == {"tester"}

    kept = archive_bytes(place / "veiled"), archive_bytes(place / "veiled-private")
    same_day = _carried_out(place)
    assert [rule.frames for rule in same_day.rules] == [0, 33, 0, 0, 0]
    assert same_day.rules[0].left == ()
    again = _carried_out(place, days=11)
    assert again.rules[0].failed is None, "a camera of which nothing is left fails no policy"
    assert "`camera` crane is none of archive" in again.rules[0].left[0]
    assert [rule.frames for rule in again.rules] == [0, 33, 0, 0, 0]
    assert (archive_bytes(place / "veiled"), archive_bytes(place / "veiled-private")) == kept


def test_all_goes_that_is_older_than_the_midnight_before(place, tmp_path):
    archive = copy_of(place / "untouched/veiled", tmp_path)
    (tmp_path / "retention.yaml").write_text(_ALL % (archive, place / "old.key"))
    policy = load_policy(tmp_path / "retention.yaml")
    frames = []
    for edge_us in (BEGUN_US - 1, BEGUN_US + 5 * _DAY_US, BEGUN_US + 6 * _DAY_US):
        report = carry_out(policy, "tester", HERE, clock=lambda now=edge_us: now)
        frames.append(report.rules[0].frames)
    assert frames == [0, 0, 37], "the edge is the midnight before the time, of five days ago"


def test_the_command_ends_with_1_where_a_rule_failed(place):
    done = raypp("retain", place / "retention.yaml", "--dry-run", "--on", "local", "--json", place / "report.json")
    assert done.returncode == 1, done.stderr
    assert "3  archive" in done.stdout
    assert "FAILED" in done.stdout
    assert "tag release of archive" in done.stderr
    assert summary(place / "report.json")["dry_run"]


def _killed_half_way(place: Path, tmp_path: Path) -> Iterator[Path]:
    """Archives in which the command was killed while it forgot."""
    for attempt in range(20):
        archive = copy_of(place / "untouched/veiled", tmp_path / str(attempt))
        policy = archive.parent / "retention.yaml"
        policy.write_text(_ALL % ("veiled", place / "old.key"))
        work = archive.with_name("veiled-private") / FORGETTING_FILE
        command = [sys.executable, "-m", "raypp", "retain", policy, "--on", "local"]
        with subprocess.Popen(command, env=environment(), stderr=subprocess.DEVNULL) as process:
            while process.poll() is None and not work.exists():
                time.sleep(0.0005)
            time.sleep(attempt * 0.005)
            process.send_signal(signal.SIGKILL)
        if work.exists():
            yield archive


@pytest.mark.slow
def test_a_killed_run_goes_on_at_the_next_one(place, tmp_path):
    archive = next(_killed_half_way(place, tmp_path))
    done = raypp("retain", archive.parent / "retention.yaml", "--on", "local")
    assert done.returncode == 0, done.stderr
    assert frames_of(archive) == {}
    assert verify_archive(str(archive), None, OLD.fingerprint, HERE).problems == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rules: []", "rules must have at least 1 item"),
        ("- rules", "must map names to values"),
        ("rules: [{kind: archive, archive: a, key: k, age: 5x, action: forget}]", "rule 1: age must be a number"),
        ("rules: [{kind: archive, archive: a, key: k, age: 0d, action: forget}]", "rule 1: age must be 1d at least"),
        ("rules: [{kind: archive, archive: a, key: k, age: 5d, action: burn}]", "action must be 'forget' or 'report'"),
        ("rules: [{kind: archive, archive: a, age: 5d, action: forget}]", "key is missing"),
        ("rules: [{kind: archive, archive: a, key: 'gpg:k', age: 5d, action: forget}]", "rule 1: key: key source gpg:"),
        ("rules: [{kind: tape, age: 5d, action: forget}]", "rule 1: kind must be archive or ledger"),
        ("rules: [{kind: ledger, ledger: l, agee: 5d, age: 5d, action: forget}]", "did you mean age"),
        ("rules: [{kind: ledger, ledger: ledger.db, age: 5d, action: forget}]", "rule 1: ledger is no URL"),
        ("rules: {", "is no YAML"),
    ],
)
def test_a_policy_that_cannot_be_names_the_field(tmp_path, text, words):
    (tmp_path / "retention.yaml").write_text(text)
    with pytest.raises(OptionError, match=words) as raised:
        load_policy(tmp_path / "retention.yaml")
    assert "retention.yaml" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_password_in_a_policy_is_in_no_message(tmp_path):
    (tmp_path / "retention.yaml").write_text(
        "rules: [{kind: ledger, ledger: 'postgresql+psycopg://a:hunter2@127.0.0.1:9/x', age: 5d, action: report}]"
    )
    policy = load_policy(tmp_path / "retention.yaml")
    (rule,) = carry_out(policy, "tester", HERE).rules
    assert rule.failed
    assert "hunter2" not in rule.model_dump_json() + repr(policy)


def test_paths_start_at_the_policys_folder(tmp_path):
    (tmp_path / "retention.yaml").write_text(
        "rules: [{kind: archive, archive: veiled, key: 'vault:secret/owner', private: side, age: 5d, action: report}]"
    )
    (rule,) = load_policy(tmp_path / "retention.yaml").rules
    assert (rule.archive, rule.key) == (str(tmp_path / "veiled"), "vault:secret/owner")
    assert rule.private == tmp_path / "side"
