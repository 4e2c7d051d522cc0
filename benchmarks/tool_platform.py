"""Research tools: how soon a run starts, and what sixteen tools that try to get out come to.

python -m benchmarks.tool_platform
"""

import statistics
import tempfile
import time
from pathlib import Path

from raypp.toolbox.bits import run_bits
from raypp.toolbox.run import ToolTask, run_task, vet_run
from tests.sandbox.isolated import processes_that_see
from tests.toolbox.reachable import ReachableHost
from tests.toolbox.red_team import RED_TEAM
from tests.toolbox.tools import packed, text_data

_STARTS = 50
_DEADLINES = {"sleeps": 1.0}
_DEADLINE_S = 20.0


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="raypp-tools-") as folder:
        starts(Path(folder))
        for name, code in RED_TEAM.items():
            red(Path(folder), name, code)


def starts(folder: Path) -> None:
    package = packed(folder / "empty", "open('/out/t.csv', 'w').write('code,n\\n')")
    seconds = []
    for _ in range(_STARTS):
        began = time.monotonic()
        outcome = run_task(ToolTask(package.content, {}, text_data()))
        seconds.append(time.monotonic() - began)
        assert outcome.ended == 0, outcome.messages
    print(
        f"an empty tool, from staging to vetted bytes: median {statistics.median(seconds):.3f} s, "
        f"90th of a hundred {statistics.quantiles(seconds, n=10)[-1]:.3f} s, longest {max(seconds):.3f} s"
    )
    print(f"not bounded here: {', '.join(outcome.unbounded) or 'nothing'}")


def red(folder: Path, name: str, code: str) -> None:
    deadline = _DEADLINES.get(name, _DEADLINE_S)
    resources = {"seconds": deadline, "memory_mb": 128, "processes": 8, "scratch_mb": 4, "output_kb": 256}
    package = packed(folder / name.replace(" ", "-"), code, resources=resources)
    with tempfile.TemporaryDirectory(prefix="raypp-host-") as place:
        host = ReachableHost(Path(place))
        began = time.monotonic()
        outcome = run_task(ToolTask(package.content, {}, text_data(host.targets)))
        seconds = time.monotonic() - began
        calls = len(host.calls)
        host.close()
    result = vet_run(package, text_data(), outcome, least_cell=0)
    left = "nothing" if result.rule else "; ".join(",".join(row) for row in result.tables["t"].rows)
    ended = "ok" if result.rule is None else f"refused by rule {result.rule}"
    until = time.monotonic() + 2
    while processes_that_see(folder) and time.monotonic() < until:
        time.sleep(0.02)
    running = len(processes_that_see(folder))
    bits = run_bits(package.manifest, {})
    print(f"| {name} | {ended} | {left} | {bits} | {seconds:.2f} | {calls} | {running} |")


if __name__ == "__main__":
    main()
