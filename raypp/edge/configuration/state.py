"""Which configuration a device has, in one file of its spool that is replaced whole: the old one or the new one."""

import hashlib
import json
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from raypp.edge.configuration.narrowing import EffectiveCameras
from raypp.edge.configuration.refusal import ConfigurationRefusal
from raypp.errors import SpoolError
from raypp.io.private import private_folder, write_private
from raypp.wire.device import SEEN_BYTES

FOLDER = "@configuration"
"""In the spool; no camera may have such a name."""
_STATE = "state.json"


class ConfigurationState(BaseModel):
    """State what a device knows of its configurations.

    Attributes:
        document: the one in effect, as the owner signed it; None: the site's own files alone.
        number: its number, or the highest one that was ever in effect; 0: none.
        seen: begin of the SHA-256 of the last one that was applied or refused, hex.
        refusal: why the last one was refused; None where it was not.
        latest_us: the latest moment that this device has known, microseconds since 1970.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    document: str | None = None
    number: int = 0
    seen: str = ""
    refusal: ConfigurationRefusal | None = None
    latest_us: int = 0

    @classmethod
    def load(cls, spool: Path) -> Self:
        """Read the state of a device; a device without one has had no configuration.

        Raises:
            SpoolError: if it is damaged: to go on without it could show more than the owner wants.
        """
        path = spool / FOLDER / _STATE
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return cls()
        except (OSError, ValidationError):
            raise SpoolError(
                f"{path} is damaged, so what the owner has configured is not known; restore it, or delete it to go on "
                "with the site's own files alone, and have the owner sign a new configuration"
            ) from None

    def save(self, spool: Path) -> None:
        """Replace the file whole. Raises OSError."""
        write_private(private_folder(spool / FOLDER) / _STATE, self.model_dump_json().encode() + b"\n")


def seen_digest(document: bytes) -> str:
    """Return the begin of a document's SHA-256, hex."""
    return hashlib.sha256(document).digest()[:SEEN_BYTES].hex()


def write_masks(spool: Path, effective: EffectiveCameras) -> Path | None:
    """Write the masks of cameras into a file that is named by its content; None where the site's own file is used.

    Raises OSError.
    """
    if effective.masks is None:
        return None
    content = json.dumps(effective.masks, sort_keys=True).encode()
    path = private_folder(spool / FOLDER) / f"masks-{seen_digest(content)}.json"
    if not path.exists():
        write_private(path, content)
    return path
