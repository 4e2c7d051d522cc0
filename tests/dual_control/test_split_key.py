"""Two of three persons open a split key, one opens nothing; each use is in logs that neither of the two can cut."""

import fcntl
import itertools
import json
import pickle
import random
import resource
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest

from raypp.dual_control.opening import Purpose, compare_logs, join_split_key, open_split_key, split_owner_key
from raypp.dual_control.shamir import join_secret, share_mark, split_secret
from raypp.dual_control.share import KeyShare, no_passphrase, read_share, seal_share
from raypp.dual_control.split_key import SplitKey, read_split_key
from raypp.dual_control.use_log import read_key_uses, write_key_uses
from raypp.errors import ConflictError, KeyFileError, OptionError
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import find_key_files, load_key, load_owner_key, save_owner_key
from tests.command import raypp

_KEY = VeilKey(bytes(range(32)), epoch=3)
_PERSONS = ("anna", "ben", "carla")
_PURPOSE = Purpose("show", "veiled", "claim 17", ("3f1c8a",))


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("split")
    save_owner_key(_KEY, place / "owner.key")
    split_owner_key(place / "owner.key", _PERSONS, place)
    return place


@pytest.fixture
def place(untouched: Path, tmp_path: Path) -> Path:
    """An owner's key, split among three persons."""
    return Path(shutil.copytree(untouched, tmp_path / "place"))


def _shares(place: Path, *persons: str) -> list[Path]:
    return [place / person / "key.share" for person in persons]


def _open(place: Path, *persons: str, **fields: Any) -> VeilKey:
    given = {"purpose": _PURPOSE, "passphrase": no_passphrase} | fields
    return open_split_key(place / "owner.key.split", _shares(place, *persons), **given)


def _words(share: Path) -> str:
    return json.loads(share.read_bytes())["words"]


def _with(share: Path, **fields: object) -> None:
    share.write_text(json.dumps(json.loads(share.read_bytes()) | fields))


@pytest.mark.parametrize("persons", list(itertools.permutations(_PERSONS, 2)))
def test_any_two_open_the_key_with_its_epoch(place, persons):
    key = _open(place, *persons)
    assert (key.export_secret(), key.epoch) == (_KEY.export_secret(), 3)


def test_one_share_opens_nothing(place):
    for number in (0, 1, 3):
        with pytest.raises(OptionError, match=f"`shares` names {number}; .* of 2 persons"):
            _open(place, *_PERSONS[:number])
    for person in _PERSONS:
        with pytest.raises(KeyFileError, match=f"both shares are {person}'s; two different persons"):
            _open(place, person, person)
        assert join_secret([_words(place / person / "key.share")]) is None


def test_one_share_with_guessed_others_opens_nothing(place):
    """Guesses are whole shares, with right checksums, of the same split and of each number."""
    from shamir_mnemonic.share import Share

    own = Share.from_mnemonic(_words(place / "anna" / "key.share"))
    draw = random.Random(7)
    for _ in range(200):
        fields = vars(own) | {"index": draw.choice((1, 2)), "value": draw.randbytes(32)}
        guess = Share(**fields).mnemonic()
        assert share_mark(guess) is not None
        assert join_secret([own.mnemonic(), guess]) is None


def test_the_guess_that_passes_the_digest_still_opens_nothing(place):
    """The digest in the shares has 32 bits; behind it the split key is authenticated by itself."""
    split = read_split_key(place / "owner.key.split")
    lines = split_secret(bytes(32))
    assert join_secret(lines[:2]) == bytes(32), "the control: these are shares of a secret"
    first, second = (
        KeyShare(person, split.split, split.fingerprint, words)
        for person, words in zip(_PERSONS[:2], lines, strict=False)
    )
    with pytest.raises(KeyFileError, match="the shares of anna and ben do not open the split key"):
        split.open(first, second)


def test_a_share_says_nothing_of_the_secret():
    """Of the same secret, bytes of one person's share are spread over all values."""
    from shamir_mnemonic.share import Share

    values = [Share.from_mnemonic(split_secret(bytes(32))[0]).value for _ in range(100)]
    counts = [sum(byte >> bit & 1 for value in values for byte in value) for bit in range(8)]
    total = 100 * 32
    assert all(abs(count / total - 0.5) < 0.05 for count in counts), counts


def test_a_damaged_share_is_named(place):
    share = place / "ben" / "key.share"
    words = _words(share).split()
    swapped = [*words[:20], *reversed(words[20:22]), *words[22:]]
    for damaged in (swapped, words[:-1], [*words[:5], "zebrawood", *words[6:]], []):
        _with(share, words=" ".join(damaged))
        with pytest.raises(KeyFileError, match=rf"share {share} of ben is damaged") as refused:
            _open(place, "anna", "ben")
        assert not any(word in str(refused.value).split() for word in words[4:])
    share.write_bytes(b"\x00")
    with pytest.raises(KeyFileError, match=rf"{share} is no share of a key, or it is damaged"):
        _open(place, "anna", "ben")


def test_shares_of_different_splits_refuse_to_mix(place):
    split_owner_key(place / "owner.key", _PERSONS, place / "again")
    mixed = [place / "anna" / "key.share", place / "again" / "ben" / "key.share"]
    with pytest.raises(KeyFileError, match=r"of ben is of another split .*shares of different splits never open"):
        open_split_key(place / "owner.key.split", mixed, _PURPOSE, no_passphrase)
    assert join_secret([_words(path) for path in mixed]) is None
    split = json.loads(mixed[0].read_bytes())["split"]
    _with(mixed[1], split=split)  # as if it were of this one
    shutil.copy(place / "ben" / "key.log", mixed[1].with_suffix(".log"))
    with pytest.raises(KeyFileError, match="do not open the split key"):
        open_split_key(place / "owner.key.split", mixed, _PURPOSE, no_passphrase)
    assert len(read_key_uses(place / "anna" / "key.log", read_split_key(place / "owner.key.split"))) == 1


def test_a_share_under_another_persons_name_is_refused(place):
    _with(place / "ben" / "key.share", person="carla")
    with pytest.raises(KeyFileError, match="does not belong to carla: it was altered"):
        _open(place, "anna", "ben")


def test_persons_of_an_altered_split_key_do_not_pass(place):
    path = place / "owner.key.split"
    path.write_text(path.read_text().replace("carla", "mallory"))
    with pytest.raises(KeyFileError, match="do not open the split key"):
        _open(place, "anna", "ben")


@pytest.mark.parametrize("persons", ["a b", "a b b", "a b B", "a b c d", "a b ../c", "a b .."])
def test_persons_are_three_names(tmp_path, persons):
    save_owner_key(_KEY, tmp_path / "owner.key")
    with pytest.raises(OptionError, match="person"):
        split_owner_key(tmp_path / "owner.key", persons.split(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_sealed_share_opens_by_its_persons_passphrase(place):
    share = place / "anna" / "key.share"
    words = _words(share)
    seal_share(share, "three words of anna")
    assert words not in share.read_text()
    assert stat.S_IMODE(share.stat().st_mode) == 0o600
    assert _open(place, "anna", "carla", passphrase={"anna": "three words of anna"}.__getitem__).epoch == 3
    with pytest.raises(KeyFileError, match=r"of anna: wrong passphrase"):
        _open(place, "anna", "carla", passphrase=lambda _: "something else")
    with pytest.raises(KeyFileError, match="the share of anna is sealed; give the file of the passphrase"):
        _open(place, "anna", "carla")
    with pytest.raises(KeyFileError, match="is sealed already"):
        seal_share(share, "another passphrase")


def test_each_use_is_in_the_logs_of_both(place):
    _open(place, "anna", "ben")
    _open(place, "ben", "carla", purpose=Purpose("show", "other", "claim 18"))
    split = read_split_key(place / "owner.key.split")
    logs = {person: read_key_uses(place / person / "key.log", split) for person in _PERSONS}
    assert [len(entries) for entries in logs.values()] == [2, 3, 3]
    assert logs["ben"] == logs["carla"]
    assert logs["ben"][:2] == logs["anna"]
    assert [(entry.action, entry.persons) for entry in logs["ben"]] == [
        ("split", _PERSONS),
        ("show", ("anna", "ben")),
        ("show", ("ben", "carla")),
    ]
    assert logs["ben"][1].samples == ("3f1c8a",)
    assert logs["ben"][1].reason == "claim 17"


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_nothing_opens_without_a_reason(place, reason):
    with pytest.raises(OptionError, match="`reason` must say why"):
        _open(place, "anna", "ben", purpose=Purpose("show", "veiled", reason))


def test_a_use_that_somebody_takes_out_of_a_log_is_noticed(place):
    """Ben takes the use out of his log, and opens with Carla; Anna's copy has it."""
    split, log = read_split_key(place / "owner.key.split"), place / "ben" / "key.log"
    before = log.read_bytes()
    _open(place, "anna", "ben")
    log.write_bytes(before)
    _open(place, "ben", "carla", purpose=Purpose("show", "other", "claim 18"))
    with pytest.raises(ConflictError, match=r"the logs of (anna and ben|ben and anna) differ from entry 2"):
        _open(place, "anna", "ben")
    with pytest.raises(ConflictError, match="differ from entry 2 on"):
        compare_logs(place / "owner.key.split", [place / "anna" / "key.log", place / "carla" / "key.log"])
    assert len(read_key_uses(place / "anna" / "key.log", split)) == 2


def test_a_log_that_was_cut_is_mended_by_the_other_persons(place):
    log = place / "ben" / "key.log"
    before = log.read_bytes()
    _open(place, "anna", "ben")
    log.write_bytes(before)
    _open(place, "anna", "ben")
    split = read_split_key(place / "owner.key.split")
    assert len(read_key_uses(log, split)) == len(read_key_uses(place / "anna" / "key.log", split)) == 3


def test_no_single_person_can_alter_forge_or_drop_an_entry(place):
    _open(place, "anna", "ben")
    _open(place, "anna", "ben")
    split, log = read_split_key(place / "owner.key.split"), place / "ben" / "key.log"
    entries = read_key_uses(log, split)
    other = VeilKey.generate()
    forged = {
        "altered": (*entries[:2], entries[2].model_copy(update={"reason": "nothing"})),
        "signed by another": (*entries[:2], entries[2].model_copy(update={"reason": "nothing"}).signed(other)),
        "one left out": (entries[0], entries[2]),
        "the first left out": entries[1:],
        "empty": (),
    }
    for how, lines in forged.items():
        write_key_uses(log, lines)
        with pytest.raises(KeyFileError, match=f"log {log}"):
            _open(place, "anna", "ben")
        assert len(read_key_uses(place / "anna" / "key.log", split)) == 3, how
    log.unlink()
    with pytest.raises(KeyFileError, match=rf"log {log} cannot be read"):
        _open(place, "anna", "ben")


def test_nothing_opens_where_the_use_cannot_be_written(place):
    logs = [place / person / "key.log" for person in ("anna", "ben")]
    before = [log.read_bytes() for log in logs]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        with pytest.raises(KeyFileError, match=rf"log {logs[0]}: .*; nothing was opened"):
            _open(place, "anna", "ben")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [log.read_bytes() for log in logs] == before


def test_a_use_that_was_killed_between_both_logs_is_taken_over_by_the_next(place):
    split, log = read_split_key(place / "owner.key.split"), place / "ben" / "key.log"
    before = log.read_bytes()
    _open(place, "anna", "ben")
    log.write_bytes(before)
    _open(place, "anna", "carla")
    _open(place, "ben", "carla")
    assert [entry.persons[0] for entry in read_key_uses(log, split)] == ["anna", "anna", "anna", "ben"]


def test_two_commands_at_once_do_not_write_one_number_twice(place):
    with (place / "ben" / "key.share").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(ConflictError, match=r"share .*ben/key.share is in use by another command"):
            _open(place, "ben", "carla")
    _open(place, "ben", "carla")


def test_secrets_are_in_no_repr_and_no_pickle(place):
    share = read_share(place / "anna" / "key.share", no_passphrase)
    assert share.words not in f"{share!r} {share} {vars(share).keys()}"
    with pytest.raises(TypeError, match="is secret and is never pickled"):
        pickle.dumps(share)
    split, shares = SplitKey.seal(_KEY, _PERSONS)
    assert _KEY.export_secret().hex() not in repr(split)
    assert "secret" in repr(shares)


def test_other_commands_say_that_the_key_is_split(place):
    for path, words in ((place / "owner.key.split", "is a split key"), (_shares(place, "ben")[0], "a share of")):
        with pytest.raises(KeyFileError, match=f"{words}.*raypp key join"):
            load_key(path)
    assert {path.name for path in find_key_files(place)} == {"owner.key", "owner.key.split", "key.share"}


def test_the_whole_key_comes_back(place):
    joined = place / "joined.key"
    join_split_key(place / "owner.key.split", _shares(place, "ben", "carla"), "rekey", joined, no_passphrase)
    assert load_owner_key(joined).export_secret() == _KEY.export_secret()
    with pytest.raises(KeyFileError, match="exists; a secret is never overwritten"):
        join_split_key(place / "owner.key.split", _shares(place, "ben", "carla"), "rekey", joined, no_passphrase)


@pytest.mark.slow
def test_the_commands(tmp_path):
    save_owner_key(_KEY, tmp_path / "owner.key")
    persons = [word for person in _PERSONS for word in ("--person", person)]
    done = raypp("key", "split", "--key", tmp_path / "owner.key", *persons, "--out", tmp_path / "split")
    assert done.returncode == 0, done.stderr
    assert f"fingerprint {_KEY.fingerprint}, opened by two of anna, ben, carla" in done.stderr
    place = tmp_path / "split"
    (tmp_path / "phrase").write_text("three words of anna\n")
    (tmp_path / "phrase").chmod(0o600)
    done = raypp("key", "share", place / "anna" / "key.share", "--seal", tmp_path / "phrase")
    assert done.returncode == 0, done.stderr
    assert "anna" in done.stdout
    assert "by a passphrase" in done.stdout
    shares = [word for path in _shares(place, "anna", "ben") for word in ("--share", path)]
    command = ("key", "join", place / "owner.key.split", *shares, "--reason", "a drill", "--out", tmp_path / "b.key")
    done = raypp(*command)
    assert done.returncode == 1
    assert "the share of anna is sealed" in done.stderr
    done = raypp(*command, "--passphrase", f"anna={tmp_path / 'phrase'}")
    assert done.returncode == 0, done.stderr
    done = raypp("key", "uses", place / "owner.key.split", "--log", place / "anna" / "key.log")
    assert "a drill" in done.stdout
    assert "anna, ben" in done.stdout
