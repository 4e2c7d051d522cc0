"""Files that are there whole or not at all, whatever is killed meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a place beside a file, to be written to; it becomes the file at the end, or is deleted upon an error."""
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write text to a file, as UTF-8 and with its line ends as they are; raises OSError."""
    with whole_file(path) as part:
        part.write_text(text, encoding="utf-8", newline="")
