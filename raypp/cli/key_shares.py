"""The commands of `raypp key` for a key that two of three persons open."""

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from raypp.cli.console import error_console, say
from raypp.cli.json_file import write_json
from raypp.cli.options import JsonFile, OwnersKey
from raypp.errors import OptionError
from raypp.text.wording import counted

if TYPE_CHECKING:
    from raypp.dual_control.share import PersonsPassphrase

Shares = Annotated[
    list[Path] | None, typer.Option("--share", help="Share of one of two persons who open a split key; give it twice.")
]
Reason = Annotated[str, typer.Option(help="Why a split key is opened; it stands in the logs of both persons.")]
Passphrases = Annotated[
    list[str] | None,
    typer.Option(
        "--passphrase", metavar="PERSON=FILE", help="File with the passphrase of a sealed share (default: it is asked)."
    ),
]
_SplitKeyFile = Annotated[Path, typer.Argument(metavar="SPLIT", help="The split key, owner.key.split.")]


def passphrases_of(given: list[str] | None) -> "PersonsPassphrase":
    """Return what gives a person's passphrase: by the options, or by asking at the terminal."""
    from raypp.dual_control.share import no_passphrase
    from raypp.veil.envelope import read_passphrase

    files = {}
    for pair in given or ():
        person, equals, file = pair.partition("=")
        if not equals or not person or not file:
            raise OptionError("--passphrase is given as PERSON=FILE, and FILE holds the passphrase")
        files[person] = Path(file)

    def passphrase(person: str) -> str:
        if person in files:
            return read_passphrase(files[person])
        return getpass.getpass(f"passphrase of {person}: ") if sys.stdin.isatty() else no_passphrase(person)

    return passphrase


def split(
    out: Annotated[Path, typer.Option(help="New folder for the split key, and for each person's folder.")],
    person: Annotated[list[str], typer.Option(help="Name of a person who gets a share; give it three times.")],
    key: OwnersKey = None,
) -> None:
    """Split an owner's key among three persons: two open it, one opens nothing. The whole key stays as it is.

    Example: raypp key split --key owner.key --person anna --person ben --person carla --out split
    """
    from raypp.dual_control.opening import SHARE_FILE, SPLIT_FILE, split_owner_key
    from raypp.veil.keyfile import resolve_key_place

    place = resolve_key_place(key)
    done = split_owner_key(place, person, out)
    lines = [
        f"split key {out / SPLIT_FILE}: fingerprint {done.fingerprint}, opened by two of {', '.join(done.persons)}"
    ]
    lines += [f"share {out / each / SHARE_FILE}: give {each} the folder {out / each}" for each in done.persons]
    lines.append(
        f"Delete the folders here once all three have theirs, and take {place} into a safe: it opens without them."
    )
    say(error_console(), lines)


def share(
    file: Annotated[Path, typer.Argument(metavar="SHARE", help="The share, key.share.")],
    seal: Annotated[Path | None, typer.Option(help="Seal it, in its place, under the passphrase in this file.")] = None,
    passphrase: Passphrases = None,
) -> None:
    """Check a share, and say whose it is and of which key; it shows nothing of the share itself.

    Example: raypp key share anna/key.share --seal passphrase.txt
    """
    from raypp.dual_control.share import describe_share, read_share, seal_share
    from raypp.veil.envelope import new_passphrase

    if seal is not None:
        seal_share(file, new_passphrase(seal))
    else:
        read_share(file, passphrases_of(passphrase))
    for name, value in describe_share(file).items():
        Console(soft_wrap=True).print(f"{name:<16}{value}", highlight=False, markup=False)


def join(
    file: _SplitKeyFile,
    out: Annotated[Path, typer.Option(help="The new key file, mode 0600.")],
    shares: Shares = None,
    reason: Reason = "",
    passphrase: Passphrases = None,
) -> None:
    """Write the whole key of a split one by two shares, for commands that need it; the logs of both persons say so.

    Example: raypp key join owner.key.split --share anna/key.share --share ben/key.share --reason audit --out owner.key
    """
    from raypp.dual_control.opening import join_split_key

    whole = join_split_key(file, shares or [], reason, out, passphrases_of(passphrase))
    say(error_console(), [f"key {out}: fingerprint {whole.fingerprint}, whole again; delete it when it has served"])


def uses(
    file: _SplitKeyFile,
    log: Annotated[list[Path], typer.Option(help="Log of a person, key.log; repeat for several persons.")],
    json_file: JsonFile = None,
) -> None:
    """List the uses of a split key, and check each entry; logs of several persons are compared with each other.

    Example: raypp key uses owner.key.split --log anna/key.log --log carla/key.log
    """
    from raypp.dual_control.opening import compare_logs

    listed = compare_logs(file, log)
    for entry in listed.uses:
        frames = f", {counted(len(entry.samples), 'frame')}" if entry.samples else ""
        words = f"{entry.number}  {entry.at}  {entry.action} {entry.subject}{frames}: {', '.join(entry.persons)}"
        reason = f"; {entry.reason}" if entry.reason else ""
        Console(soft_wrap=True).print(f"{words} ({entry.account}){reason}", highlight=False, markup=False)
    write_json(json_file, listed)
