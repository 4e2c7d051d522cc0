"""Running the `raypp` command as its users do, in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.command_server import ROOT, run_forked

_MODULE = "import runpy; runpy.run_module('raypp', run_name='__main__', alter_sys=True)"


def environment(**extra: str) -> dict[str, str]:
    """An environment for a child process: quiet Ray without authentication, one thread a process.

    Workers of Ray, which are nice to all else, would wait for the processes that run other tests.
    """
    return os.environ | {
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_worker_niceness": "0",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "200",
        **extra,
    }


def raypp(
    *arguments: object, env: dict[str, str] | None = None, cwd: Path | None = None, timeout: float = 570
) -> subprocess.CompletedProcess[str]:
    """Run `raypp ARGUMENTS` to its end, in a process that has its libraries unless `env` brings code of its own."""
    words, env = [*map(str, arguments)], env or environment()
    if env.get("PYTHONPATH") == str(ROOT):
        return run_forked(_MODULE, words, env, cwd, timeout)
    return subprocess.run(
        [sys.executable, "-P", "-m", "raypp", *words],  # -P: as the installed command
        env=env,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def succeed(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run `raypp ARGUMENTS` and fail the test with its output unless it exits with 0."""
    done = raypp(*arguments, **options)
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def summary(path: Path) -> dict[str, Any]:
    """Read a JSON summary."""
    return json.loads(path.read_text())


def lay_trap(folder: Path, *modules: str) -> Path:
    """Make a folder whose files run where a program imports from the folder one works in; returns what tells of it."""
    folder.mkdir()
    ran = folder / "ran"
    for name in modules:
        (folder / f"{name}.py").write_text(f"open({str(ran)!r}, 'a').write('{name} ')\nraise SystemExit(3)\n")
    return ran


def archive_bytes(root: Path) -> dict[str, bytes]:
    """Every file of an archive that must be the same however often the job was killed."""
    skipped = {".lock"}
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name not in skipped
    }
