"""Files of an older release, copied to where they may be changed."""

import shutil
from pathlib import Path

import pytest

_HERE = Path(__file__).parent


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    """A folder with `archive`, `keys` and `site` as commit 2e2db3b left them; secrets have the mode that git drops."""
    for name in ("archive", "keys", "site"):
        shutil.copytree(_HERE / name, tmp_path / name)
    private = [*(tmp_path / "keys").iterdir(), *(tmp_path / "site").glob("*.token")]
    private += [path for place in ("archive/veiled-private", "site/spool") for path in (tmp_path / place).rglob("*")]
    for path in private:
        path.chmod(0o700 if path.is_dir() else 0o600)
    return tmp_path
