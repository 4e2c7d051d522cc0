"""Who reads what, as ranges: the first reading is written down at once, those that follow as one line. Pure."""

from dataclasses import dataclass

_WINDOW_S = 600.0
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class AuditLine:
    """A line for the audit log.

    Attributes:
        who, action, subject, detail: as the log takes them.
    """

    who: str
    action: str
    subject: str
    detail: str


@dataclass
class _Window:
    ends_s: float
    latest: AuditLine
    more: int = 0

    def line(self) -> AuditLine:
        """Return the line that tells of those that were not written down by themselves."""
        last = self.latest
        detail = f"{self.more} more within {_WINDOW_S / 60:.0f} min; the latest: {last.detail}".removesuffix(
            "; the latest: "
        )
        return AuditLine(last.who, last.action, last.subject, detail)


class AuditLines:
    """Gathers readings of the same subject by the same caller; used from one thread."""

    def __init__(self) -> None:
        self._windows: dict[tuple[str, str, str], _Window] = {}

    def note(self, reading: AuditLine, about: str, now_s: float) -> bool:
        """Take a reading in.

        Args:
            reading: what was read.
            about: which readings of the caller's are gathered with it.
            now_s: monotonic time.

        Returns:
            Whether it is to be written down now: it is the first within ten minutes.
        """
        key = (reading.who, reading.action, about)
        window = self._windows.get(key)
        if window is None:
            self._windows[key] = _Window(now_s + _WINDOW_S, reading)
            return True
        window.latest, window.more = reading, window.more + 1
        return False

    def due(self, now_s: float) -> list[AuditLine]:
        """Return the lines of windows that are over, and forget those; of all windows, where they have become many."""
        many = len(self._windows) > _MOST
        over = [key for key, window in self._windows.items() if many or window.ends_s <= now_s]
        return [window.line() for key in over if (window := self._windows.pop(key)).more]

    def rest(self) -> list[AuditLine]:
        """Return the lines of all windows, since no more will come."""
        return self.due(float("inf"))
