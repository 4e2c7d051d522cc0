"""The `raypp ticket` commands: questions about labels, and their answers, without pixels."""

from pathlib import Path
from typing import Annotated

import typer

from raypp.cli.commands import require_packages
from raypp.cli.console import ConsoleProgress, error_console, say, say_address
from raypp.cli.exit_codes import end_with_attention
from raypp.cli.group import command_group
from raypp.cli.json_file import write_json
from raypp.cli.options import (
    ArchiveUrl,
    DataKeyFile,
    JsonFile,
    LabelsVersion,
    MovedSources,
    OwnerFolder,
    VeiledMasks,
    VeiledViews,
    VeilKeyFile,
)
from raypp.errors import OptionError

ticket = command_group("Mend labels by tickets: questions and answers without pixels.")

_TicketFile = Annotated[Path, typer.Argument(help="The tickets, as `raypp ticket open` wrote them.")]
_Archive = Annotated[str, typer.Option(help="The veiled archive that the tickets are about.")]


@ticket.command("open")
def open_tickets(
    archive: ArchiveUrl,
    from_csv: Annotated[
        list[Path] | None,
        typer.Option("--from", help="Suspected label errors: label-suspects.csv of `raypp evaluate`; repeat."),
    ] = None,
    top: Annotated[int, typer.Option(help="Open at most so many about suspects.", min=1, max=1000)] = 100,
    hardest: Annotated[
        int,
        typer.Option(help="Open so many about unlabelled frames that the detector is least sure of.", min=0, max=1000),
    ] = 0,
    model: Annotated[
        Path | None, typer.Option(help="Detector for --hardest: a run of training, or a .model file.")
    ] = None,
    labels: LabelsVersion = None,
    out: Annotated[Path, typer.Option(help="The new file of tickets.")] = Path("tickets.jsonl"),
    data_key: DataKeyFile = None,
) -> None:
    """Open tickets about labels that look wrong, and about frames worth labelling; needs no veil key.

    Example: raypp ticket open veiled --from report/label-suspects.csv --top 100
    """
    from raypp.shards.encryption import DataKey
    from raypp.shards.labels import list_versions, only_version, read_labels
    from raypp.shards.reader import ShardReader
    from raypp.tickets.suspects import tickets_of_frames, tickets_of_suspects
    from raypp.tickets.ticket import state_of, write_tickets

    console = error_console()
    if not from_csv and not hardest:
        raise OptionError("nothing to ask: give `from_` a file of suspects, or `hardest` a number of frames")
    reader = ShardReader(archive, DataKey.load(data_key) if data_key else None)
    table = read_labels(reader.store, labels or only_version(archive, list_versions(reader.store)))
    state = state_of(reader.manifest.digest, table)
    tickets = tickets_of_suspects(from_csv, top, table, state) if from_csv else ()
    if hardest:
        if model is None:
            raise OptionError("`hardest` needs a detector that looks at the frames; give one with `model`")
        require_packages(("torch", "ultralytics"), "ticket open --hardest")
        from raypp.evaluate.hardest import hardest_frames

        frames = hardest_frames(reader, table, model, hardest, ConsoleProgress(console))
        tickets += tickets_of_frames([frame.sample_id for frame in frames], state)
    write_tickets(out, tickets)
    say(console, [f"tickets       {len(tickets)} about label version {table.version}, in {out}"])


@ticket.command("answer")
def answer_tickets(
    tickets: _TicketFile,
    archive: _Archive,
    out: Annotated[Path, typer.Option(help="The owner's file of answers; each is kept as it is given.")] = Path(
        "given.jsonl"
    ),
    answers: Annotated[
        Path | None, typer.Option(help="Take answers from this file, instead of a page: one JSON a line.")
    ] = None,
    key: VeilKeyFile = None,
    sources: MovedSources = None,
    private: OwnerFolder = None,
    masks: VeiledMasks = None,
    views: VeiledViews = None,
    port: Annotated[int, typer.Option(help="Port of 127.0.0.1 for the page; 0 for any.", min=0, max=65535)] = 0,
    data_key: DataKeyFile = None,
) -> None:
    """Answer tickets on a page of this machine that shows the plain frames; or from a file of answers.

    Example: raypp ticket answer tickets.jsonl --archive veiled --key owner.key

    Example: raypp ticket answer tickets.jsonl --archive veiled --answers scripted.jsonl
    """
    from raypp.shards.encryption import DataKey
    from raypp.shards.place import refuse_within_archive
    from raypp.shards.reader import ShardReader
    from raypp.tickets.journal import AnswerJournal, read_answers
    from raypp.tickets.ticket import read_tickets
    from raypp.tickets.ticketed import match_archive

    console = error_console()
    refuse_within_archive(out, "the owner's answers")
    reader = ShardReader(archive, DataKey.load(data_key) if data_key else None)
    in_file = read_tickets(tickets)
    ticketed = match_archive(reader, in_file)
    problems = list(ticketed.problems.values())
    with AnswerJournal(out, in_file, ticketed.table.classes) as journal:
        if answers:
            given = read_answers(answers, in_file, ticketed.table.classes)
            for answer in given.values():
                if answer.ticket not in ticketed.problems:
                    journal.add(answer)
        elif ticketed.tickets:
            require_packages(("starlette", "uvicorn", "jinja2"), "ticket answer")
            from raypp.key_sources.place import optional_key_place
            from raypp.reveal.owner_side import OwnerSide
            from raypp.reveal.ticket_frames import TicketFrames
            from raypp.reveal.ticket_page import serve_tickets
            from raypp.veil.keyfile import resolve_key_place

            side = OwnerSide(
                archive=archive,
                key_path=resolve_key_place(key),
                sources=tuple(sources or ()),
                private=private,
                masks_path=masks,
                views_path=views,
                data_key_path=optional_key_place(data_key),
            )
            progress = ConsoleProgress(console)
            frames = TicketFrames(side.open(progress), ticketed.tickets, progress)
            problems += filter(None, map(frames.problem, {ticket.sample_id for ticket in ticketed.tickets}))
            serve_tickets(ticketed, journal, frames, port, say_address)
        say(console, problems)
        say(console, [f"answered      {len(journal.answers)} of {len(ticketed.tickets)} tickets, in {out}"])
    end_with_attention(bool(problems))


@ticket.command("apply")
def apply_tickets(
    tickets: _TicketFile,
    archive: _Archive,
    name: Annotated[str, typer.Option(help="Name of the new label version.")],
    given: Annotated[Path, typer.Option(help="The owner's file of answers, as `raypp ticket answer` keeps it.")] = Path(
        "given.jsonl"
    ),
    out: Annotated[Path, typer.Option(help="Replies for the ML team: verdicts alone.")] = Path("answers.jsonl"),
    data_key: DataKeyFile = None,
    json_file: JsonFile = None,
) -> None:
    """Write a label version with the answers in it, and the replies that go back; run again, it does the same.

    Example: raypp ticket apply tickets.jsonl --archive veiled --name tools-v2
    """
    from raypp.shards.encryption import DataKey
    from raypp.shards.reader import ShardReader
    from raypp.tickets.journal import AnswerJournal
    from raypp.tickets.relabelling import apply_answers
    from raypp.tickets.ticket import read_tickets
    from raypp.tickets.ticketed import match_archive

    console = error_console()
    if not given.is_file():
        raise OptionError(f"`given` {given}: there is no such file; name the one that `raypp ticket answer` wrote")
    reader = ShardReader(archive, DataKey.load(data_key) if data_key else None)
    in_file = read_tickets(tickets)
    ticketed = match_archive(reader, in_file)
    with AnswerJournal(given, in_file, ticketed.table.classes) as journal:
        summary = apply_answers(ticketed, journal.answers, name, out)
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in summary.verdicts.items())
    say(
        console,
        [
            *summary.problems,
            f"labels        {name}: {summary.dataset_frames} frames, {summary.changed} of them changed",
            f"replies       {verdicts}; {summary.unanswered} unanswered; in {out}",
        ],
    )
    write_json(json_file, summary)
    end_with_attention(bool(summary.problems))
