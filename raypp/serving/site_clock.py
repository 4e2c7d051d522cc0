"""What one connection shows of its site's clock: by `open`, its answer, and the chunk that comes after."""

from raypp.io.clock import now_us
from raypp.wire.clock_offset import ClockOffset, one_way_us


class SiteClock:
    """A site's clock beside this machine's.

    Args:
        sent_at_us: the site's clock when it sent `open`, microseconds since 1970; 0: it does not say.

    Attributes:
        received_at_us: this machine's clock when that came.
        one_way_us: service's clock minus the site's, as far as that alone shows it for certain, microseconds.
    """

    def __init__(self, sent_at_us: int) -> None:
        self.received_at_us = now_us()
        self.one_way_us = one_way_us(sent_at_us, self.received_at_us) if sent_at_us else 0
        self._sent_at_us = sent_at_us
        self._answered_at_us = 0

    def answered(self) -> int:
        """Note that `open` is answered, and return this machine's clock."""
        self._answered_at_us = now_us()
        return self._answered_at_us

    def compare(self, chunk_sent_at_us: int) -> ClockOffset | None:
        """Return what the first chunk shows, which was sent after the answer had come; None where it shows nothing.

        Args:
            chunk_sent_at_us: the site's clock when it sent the chunk; 0: it does not say.
        """
        if not self._sent_at_us or not chunk_sent_at_us:
            return None
        shown = ClockOffset.of_exchange(self._sent_at_us, self.received_at_us, self._answered_at_us, chunk_sent_at_us)
        most_us = now_us() - chunk_sent_at_us
        if shown is None or most_us < shown.least_us:
            return None
        return ClockOffset(shown.least_us, min(shown.most_us, most_us))
