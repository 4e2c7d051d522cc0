#!/usr/bin/env bash
# TensorBoard names event files after the second they were opened in, the machine, the process and a running number
# that is not padded, and reads them in the order of their names: of files opened within one second, number 10 comes
# before number 9. Where each file begins with the step it starts from, as PyTorch's SummaryWriter writes it for
# `purge_step`, the reader takes number 9 for a restart and drops the steps of number 10.
#
# Version: tensorboard 2.21.0, the writer and the reader both.
# Expected: one writer for each of the steps 1 to 20, opened one after the other, gives steps 1 to 20.
# Seen: files sort as 0, 1, 10, 11 ... 19, 2, 3 ..., and steps that were written are gone from what the reader gives.
# It shows where a run opens a writer for each of its epochs and the epochs are short.
#
# Exits with 1 if TensorBoard behaves otherwise.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check tensorboard==2.21.0
cat > look.py <<'PY'
import time
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

STEPS = list(range(1, 21))


def write(step):
    writer = EventFileWriter("board")
    writer.add_event(Event(step=step, wall_time=time.time(), session_log=SessionLog(status=SessionLog.START)))
    value = Summary.Value(tag="loss", simple_value=step)
    writer.add_event(Event(step=step, wall_time=time.time(), summary=Summary(value=[value])))
    writer.close()


def of_one_second():
    """Write the steps until all files were opened within one second, however busy the machine is."""
    for _ in range(50):
        for path in Path("board").glob("*"):
            path.unlink()
        time.sleep(1 - time.time() % 1)
        for step in STEPS:
            write(step)
        if len({path.name.split(".")[3] for path in Path("board").iterdir()}) == 1:
            numbers = [path.name.rsplit(".", 1)[1] for path in Path("board").iterdir()]
            if len({len(number) for number in numbers}) > 1:
                return
    raise SystemExit("this machine is too slow to open 20 files within a second")


of_one_second()
print("in the order of their names:", [path.name.rsplit(".", 1)[1] for path in sorted(Path("board").iterdir())])
read = [scalar.step for scalar in EventAccumulator("board").Reload().Scalars("loss")]
print("written:", STEPS, "; read:", read)
assert read != STEPS
PY
venv/bin/python look.py 2>/dev/null || { echo "TensorBoard behaves otherwise than this says" >&2; exit 1; }
