"""A sandbox started by others than root: a plain user, and root of a container that has no root."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import ROOT
from tests.sandbox.isolated import needs_sandbox

_NOBODY = "65534"
_UID = "from tests.sandbox.isolated import run; print(run('import os; print(os.getuid(), os.getppid())'))"
_WHAT_LACKS = "from tests.sandbox.isolated import LACKS; print(LACKS)"
_IN_A_NAMESPACE = ("unshare", "--user", "--map-root-user", "--")


def _can(*command: str) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0


needs_namespaces = pytest.mark.skipif(not _can(*_IN_A_NAMESPACE), reason="no namespace of users can be made here")


def _done(*command: object, **environment: str) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment},
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return done.stdout


@needs_sandbox
@needs_namespaces
def test_root_of_a_container_without_root_is_shut_in_as_any_user_is():
    shown = _done(*_IN_A_NAMESPACE, sys.executable, "-c", _UID)
    assert "ended=0" in shown
    assert rf"messages=b'{_NOBODY} 1\n'" in shown


@needs_sandbox
@needs_namespaces
def test_where_no_namespace_may_be_made_the_kernels_setting_is_named():
    """The setting is that of a namespace of the test's own."""
    setting = "/proc/sys/user/max_user_namespaces"
    shown = _done(*_IN_A_NAMESPACE, "sh", "-c", f'echo 0 > {setting}; exec "$0" -c "$1"', sys.executable, _WHAT_LACKS)
    assert shown.startswith("the sandbox cannot isolate here (bwrap: ")
    assert shown.rstrip().endswith(f"; set user.max_user_namespaces above 0 ({setting})")
    assert shown.count("\n") == 1


@pytest.mark.slow
@pytest.mark.timeout(900)
@needs_sandbox
@pytest.mark.skipif(os.geteuid() != 0 or not _can("setpriv", "unshare", "--mount"), reason="needs root to leave it")
def test_all_holds_for_a_user_without_rights(tmp_path: Path):
    """The tests of runs and the red team, by a user who owns nothing; its interpreter may lie where only root looks."""
    own = Path(f"/tmp/raypp-nobody-{os.getpid()}")
    own.mkdir()
    os.chown(own, int(_NOBODY), int(_NOBODY))
    script = tmp_path / "as-nobody.sh"
    script.write_text(
        f"""set -e
{_opened(Path(sys.base_prefix).resolve(), tmp_path)}
exec setpriv --reuid {_NOBODY} --regid {_NOBODY} --clear-groups --inh-caps=-all --bounding-set=-all -- "$@"
"""
    )
    names = ("tests/sandbox/test_run.py", "tests/toolbox/test_red_team.py")
    try:
        shown = _done(
            *("unshare", "--mount", "--", "bash", script, sys.executable, "-m", "pytest", "-q"),
            *("-p", "no:cacheprovider", *names),
            TMPDIR=str(own),
            HOME=str(own),
        )
    finally:
        shutil.rmtree(own)
    assert " passed" in shown
    assert "failed" not in shown


def _opened(prefix: Path, scratch: Path) -> str:
    """Return commands that let everybody reach a folder, in a view of the files that is this test's alone."""
    closed = next((above for above in reversed(prefix.parents) if not above.stat().st_mode & 0o001), None)
    if closed is None:
        return ""
    if ROOT.is_relative_to(closed):
        pytest.skip(f"only root may look into {closed}, where these tests are")
    (scratch / "prefix").mkdir()
    return f"""mount --bind '{prefix}' '{scratch}/prefix'
mount -t tmpfs -o mode=755 tmpfs '{closed}'
mkdir -p '{prefix}'
mount --bind '{scratch}/prefix' '{prefix}'"""
