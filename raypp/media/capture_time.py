"""When a video or image was taken: from its metadata, its name, or the user."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import PurePosixPath
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from raypp.errors import MediaError, OptionError
from raypp.media.container import VideoInfo

_METADATA = "metadata"
_NAME = "name:"
_DIRECTIVES = {
    "Y": r"\d{4}", "y": r"\d{2}", "m": r"\d{1,2}", "d": r"\d{1,2}", "H": r"\d{1,2}", "M": r"\d{1,2}",
    "S": r"\d{1,2}", "f": r"\d{1,6}", "j": r"\d{1,3}", "z": r"[+-]\d{2}:?\d{2}|Z", "%": "%",
}  # fmt: skip


@dataclass(frozen=True)
class CaptureClock:
    """Tells when presentation time 0 of a source was, in UTC.

    A local time that a change of clocks makes ambiguous is taken as the earlier one, and one that it skips as if the
    clocks had not changed, as Python's zoneinfo does with fold=0.
    """

    zone: tzinfo
    pattern: str | None = None
    start: datetime | None = None
    from_metadata: bool = False

    @classmethod
    def parse(cls, option: str | None, timezone: str) -> Self:
        """Read `--time-from` (metadata, name:PATTERN, an ISO time, or None) and `--timezone`.

        Raises:
            OptionError: naming the option and the value.
        """
        try:
            zone = ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise OptionError(f"`timezone` {timezone} is unknown; give an IANA name such as Europe/Berlin") from None
        if option is None:
            return cls(zone)
        if option == _METADATA:
            return cls(zone, from_metadata=True)
        if option.startswith(_NAME):
            pattern = option.removeprefix(_NAME)
            used = re.findall(r"%(.?)", pattern)
            if set(used) - set(_DIRECTIVES) or len(set(used) - {"%"}) < len(
                [directive for directive in used if directive != "%"]
            ):
                known = " ".join("%" + directive for directive in _DIRECTIVES)
                raise OptionError(f"`time_from` {option}: use the directives {known}, each at most once")
            if not (set(used) & {"Y", "y"} and ({"m", "d"} <= set(used) or "j" in used)):
                raise OptionError(f"`time_from` {option} gives no date; it needs %Y or %y, and %m with %d, or %j")
            return cls(zone, pattern=pattern)
        try:
            return cls(zone, start=datetime.fromisoformat(option))
        except ValueError:
            raise OptionError(
                f"`time_from` {option} is neither metadata, name:PATTERN, nor an ISO time such as 2026-03-01T06:00"
            ) from None

    def start_us(self, url: str, info: VideoInfo | None, taken: str | None = None) -> int | None:
        """Return UTC microseconds of presentation time 0, or None where nothing tells.

        What tells is taken for the time at which recording began; a video that begins after the sound began later.

        Args:
            url: the source, for its name.
            info: what the container says, for videos.
            taken: what EXIF says, for images, with its offset from UTC if it has one.

        Raises:
            MediaError: if the name does not match the pattern.
        """
        moment = self.start
        if self.pattern is not None:
            moment = self._from_name(PurePosixPath(url).stem)
        elif self.from_metadata:
            moment = _from_container(info) if info is not None else _from_exif(taken)
        if moment is None:
            return None
        aware = moment if moment.tzinfo else moment.replace(tzinfo=self.zone)
        since = aware.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        late_us = info.late_us if info is not None else 0
        return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds + late_us

    def _from_name(self, stem: str) -> datetime:
        assert self.pattern is not None  # noqa: S101
        expression = re.sub(
            r"%(.)|(.)", lambda m: _DIRECTIVES[m[1]] if m[1] else re.escape(m[2]), self.pattern, flags=re.DOTALL
        )
        for match in re.finditer(rf"(?<!\d)(?:{expression})(?!\d)", stem):
            try:
                return datetime.strptime(match[0], self.pattern)  # noqa: DTZ007 - the zone is added by the caller
            except ValueError:
                continue  # digits that are no date, such as a serial number
        raise MediaError(f"its name holds no time of the form {self.pattern}; correct the form or rename the file")


def _from_container(info: VideoInfo) -> datetime | None:
    if not info.creation_time:
        return None
    try:
        return datetime.fromisoformat(info.creation_time)
    except ValueError:
        return None


def _from_exif(taken: str | None) -> datetime | None:
    for form in ("%Y:%m:%d %H:%M:%S", "%Y:%m:%d %H:%M:%S%z"):
        try:
            return datetime.strptime(taken or "", form)  # noqa: DTZ007 - the zone is added by the caller
        except ValueError:
            continue
    return None
