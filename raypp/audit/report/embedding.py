"""Images inside a page: read from the audit's own folder, and from nowhere else."""

import base64
import io
from pathlib import Path

from PIL import Image

_KINDS = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
_LARGEST = 400_000
_QUALITY = 88


def data_url(folder: Path, name: str) -> str | None:
    """Return a PNG or JPEG of a folder as a data URL, a large one as a smaller JPEG; None if there is no such image.

    Args:
        folder: of the audit's images.
        name: plain file name; one that leads out of the folder names nothing, as certificates may come from strangers.
    """
    path = folder / name
    if not name or Path(name).name != name or path.is_symlink():
        return None
    try:
        content = path.read_bytes()
        kind = next((kind for start, kind in _KINDS.items() if content.startswith(start)), None)
        if kind is not None and len(content) > _LARGEST:
            kind, content = "image/jpeg", _as_jpeg(content)
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
    return f"data:{kind};base64,{base64.b64encode(content).decode()}" if kind else None


def _as_jpeg(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as image:
        image.convert("RGB").save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
