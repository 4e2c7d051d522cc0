"""The side of the square that frames are letterboxed into: the model's, found out before anything is captured."""

from dataclasses import replace
from pathlib import Path

import grpc
import grpc.aio
from pydantic import ValidationError

from raypp.edge.cameras_file import CameraSettings
from raypp.edge.settings import AgentSettings
from raypp.edge.spool.stream_spool import FACTS_FILE, StreamFacts
from raypp.edge.uplink.connection import is_not_served_yet, what_failed
from raypp.edge.uplink.model_query import describe_model
from raypp.errors import OptionError, RayppError, SiteError

_AGENTS_PATIENCE_S = 5.0
"""No camera is captured meanwhile."""


async def settle_size(
    settings: AgentSettings, size: int | None, cameras: dict[str, CameraSettings]
) -> tuple[AgentSettings, str | None]:
    """Return the settings with the size to capture at, and what a person should know of it.

    Frames that a spool holds already go on, whatever the service says now; nothing is begun that could never be sent.

    Args:
        settings: all but the size.
        size: what was asked for, or None.
        cameras: of the site.

    Raises:
        OptionError: if the size is not the model's, or cannot be known.
    """
    veil_id = settings.veil_id(settings.veil_spec(), cameras)
    streams = [stream for name, camera in cameras.items() for stream in camera.streams(name)]
    held = _held(settings.spool, streams, veil_id)
    try:
        described = await describe_model(settings.connection, veil_id, _AGENTS_PATIENCE_S)
    except (SiteError, grpc.aio.AioRpcError) as error:
        if _serves_another(error) and held is None:
            raise OptionError(f"{_why(error)}; give `key_path` and `spec` of a model that is served") from None
        known = size or held
        if known is None:
            raise OptionError(
                f"`size` is not given, and the service does not tell the model's: {_why(error)}; give `size`, or see "
                "to the link with `raypp site doctor`"
            ) from None
        return replace(settings, size=known), None
    served = described.response.model.size
    if size is None or size == served:
        return replace(settings, size=served), None
    if size == held:
        return replace(settings, size=size), (
            f"the service's model reads {served} pixels, and the spool holds frames of {size}: give `size` {served} "
            "for what is captured from now on"
        )
    raise OptionError(f"`size` {size}: the service's model of this veil reads {served} pixels; give `size` {served}")


def _held(spool: Path, streams: list[str], veil_id: str) -> int | None:
    """The size of the newest frames of this veil in a spool, or None."""
    newest: StreamFacts | None = None
    for path in (path for stream in streams for path in (spool / stream).glob(f"[0-9]*/{FACTS_FILE}")):
        try:
            facts = StreamFacts.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            continue  # told when the spool is opened
        if facts.veil_id == veil_id and (newest is None or facts.epoch > newest.epoch):
            newest = facts
    return newest.size if newest else None


def _serves_another(error: RayppError | grpc.aio.AioRpcError) -> bool:
    """Whether the service is there, and has no model of this veil."""
    if not isinstance(error, grpc.aio.AioRpcError) or error.code() is not grpc.StatusCode.NOT_FOUND:
        return False
    return not is_not_served_yet(error.code(), error.details())


def _why(error: RayppError | grpc.aio.AioRpcError) -> str:
    if not isinstance(error, grpc.aio.AioRpcError):
        return str(error)
    return f"{error.code().name}: {what_failed(error.code(), error.details())}"
