"""Rates of a machine on a terminal."""

from collections.abc import Iterator

from rich.console import Console

from raypp.capacity.rates import LedgerRate, MeasuredRates
from raypp.cli.tables import fitted, plain_table
from raypp.text.wording import byte_size

_BUSY = 0.5
"""Share of the machine's cores that may be wanted before a benchmark; beyond it, its rates are of a crowded machine."""


def print_rates(rates: MeasuredRates, console: Console) -> None:
    """Print rates as a table, and warn where the machine was busy."""
    machine = rates.machine
    gpu = f", {machine.gpu}" if machine.gpu else ""
    title = f"{machine.processor}, {machine.cores} cores, {byte_size(machine.memory_bytes)}{gpu}"
    table = plain_table(title, ("what", "rate", "beside it"), (1,))
    for row in _rows(rates):
        table.add_row(*row)
    console.print(fitted(table))
    if machine.load > _BUSY * machine.cores:
        line = f"warning: {machine.load:.1f} processes ran or waited before: a quiet machine has higher rates"
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _rows(rates: MeasuredRates) -> Iterator[tuple[str, str, str]]:
    for veil in rates.veil:
        yield f"veil, {veil.spec}, {veil.size} pixels", f"{veil.frames_per_s:.0f} frames/s", f"{veil.cpu_ms:.2f} ms"
    for decode in rates.decode:
        what = f"decode {decode.width}x{decode.height}, {decode.fps:g} of {decode.video_fps:g} frames/s"
        yield what, f"{decode.cpu_ms / 10:.1f} % of a core", ""
    for wire in rates.wire:
        first = f"first {byte_size(wire.first_bytes)}"
        yield f"wire, {wire.spec}, {wire.size} pixels", f"{byte_size(wire.frame_bytes)} a frame", first
    for detect in rates.detect:
        what = f"detect {detect.model}, {detect.size} pixels, {detect.engine}, batch {detect.batch}"
        yield what, f"{1e3 / detect.wall_ms:.1f} frames/s", f"{detect.cpu_ms:.1f} ms CPU"
    for ledger in rates.ledger:
        yield from _ledger_rows(ledger)
    if rates.service:
        service = rates.service
        yield f"service with {service.ledger}, {service.size} pixels", f"{service.frames_per_s:.0f} frames/s", "most"
        for group, rate in service.processes.items():
            cost = f"{rate.stream_ms:.2f}, {rate.chunk_ms:.2f}, {rate.frame_ms:.2f} ms"
            memory = f"{byte_size(rate.base_bytes)} + {byte_size(rate.stream_bytes)} a stream"
            yield f"  {group}: stream, chunk, frame", cost, memory
    if rates.agent:
        memory = f"{byte_size(rates.agent.base_bytes)} + {byte_size(rates.agent.camera_bytes)} a camera"
        yield "agent beyond decode and veil", f"{rates.agent.frame_ms:.1f} ms a frame", memory


def _ledger_rows(ledger: LedgerRate) -> Iterator[tuple[str, str, str]]:
    server = "" if ledger.server_ms is None else f", server {ledger.server_ms:.2f} ms"
    yield f"ledger, {ledger.kind}", f"{ledger.commits_per_s:.0f} commits/s", f"writer {ledger.writer_ms:.2f} ms{server}"
    sizes = (ledger.chunk_bytes, ledger.frame_bytes, ledger.detection_bytes, ledger.episode_bytes)
    kept = ", ".join(f"{size:.0f}" for size in sizes)
    yield "  bytes of a chunk, frame, detection, use", kept, f"log {byte_size(ledger.log_bytes)} a commit"
