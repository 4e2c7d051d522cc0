"""Views of sources: which parts of whose frames are veiled, as a file says it and as a plan keeps it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from raypp.io.settings_file import as_model, read_settings_file
from raypp.media.camera_views import CameraViews
from raypp.media.masks import ANY_CAMERA

_FORM = "see docs/how-to/views.md for the form"
_MOST_WORDS = 4096


class SourceViews(CameraViews):
    """Views of each frame of a source: those of its camera that a plan has.

    Attributes:
        added: whether the source was planned before, with other views or none.
    """

    added: bool = False

    @property
    def word(self) -> str | None:
        """How a plan writes it: canonical JSON, or None for the whole frame alone."""
        return None if self == WHOLE else self.model_dump_json()


WHOLE = SourceViews()


@lru_cache(_MOST_WORDS)
def views_of(word: str | None) -> SourceViews:
    """Read what `SourceViews.word` wrote: sources of one word share one value."""
    return WHOLE if word is None else SourceViews.model_validate_json(word)


@dataclass(frozen=True)
class ViewSet:
    """Views by camera: the most specific of "site/camera", "camera" and "*" counts.

    Attributes:
        cameras: what is veiled of each camera's frames.
        streamed: which of them the agent streams, by the same file: these are no misspelt names.
    """

    cameras: Mapping[str, CameraViews]
    streamed: Collection[str] = frozenset()

    def strangers(self, cameras: Iterable[tuple[str, str]]) -> list[str]:
        """Return the names with views that no (site, camera) answers to, sorted: misspelt ones, most likely.

        Cameras that the agent streams may be of other sources, unless all are.
        """
        known = {name for site, camera in cameras for name in (f"{site}/{camera}", camera)} | {ANY_CAMERA}
        named = {name for name, camera in self.cameras.items() if camera.views}
        return sorted(named - known - set(self.streamed) if named & known else named - known)

    def for_camera(self, site: str, camera: str) -> SourceViews:
        """Return what is veiled of a camera's frames; views are in the order of their names."""
        for name in (f"{site}/{camera}", camera, ANY_CAMERA):
            if name in self.cameras:
                stated = self.cameras[name]
                return SourceViews(views=dict(sorted(stated.views.items())), whole=stated.whole)
        return WHOLE


NO_VIEWS = ViewSet({})


class _Camera(CameraViews):
    """One camera of the file; what the agent's cameras file says beside its views is passed by."""

    source: Any = Field(None, repr=False)
    fps: Any = None
    realtime: Any = None
    time_from: Any = None
    timezone: Any = None
    watch: Any = None


class _ViewsFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    cameras: dict[str, _Camera]


def load_views(path: Path) -> ViewSet:
    """Read the views of cameras from YAML or JSON, in the form of the agent's cameras file.

    Raises:
        OptionError: naming the file, the field and what is wrong.
    """
    document = read_settings_file(path, "views file", _FORM, as_written=True)  # a camera may be named 007
    # A camera's address may hold its password.
    cameras = as_model(_ViewsFile, document, f"views file {path}", _FORM, values=False).cameras
    return ViewSet(cameras, frozenset(name for name, camera in cameras.items() if camera.source is not None))
