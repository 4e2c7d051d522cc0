"""Why an agent does not apply a configuration."""

from enum import StrEnum

from raypp.errors import RayppError


class ConfigurationRefusal(StrEnum):
    """Reasons, as reports name them."""

    UNSIGNED = "unsigned"
    WRONG_KEY = "wrong key"
    ALTERED = "altered"
    TRUNCATED = "truncated"
    TOO_LARGE = "too large"
    MALFORMED = "malformed"
    NOT_CANONICAL = "not canonical"
    UNKNOWN_FIELD = "unknown field"
    OTHER_DEVICE = "of another device"
    REPLAYED = "replayed"
    EXPIRED = "expired"
    CLOCK_SET_BACK = "clock set back"
    PLAIN_FRAMES = "plain frames"
    OTHER_ADDRESS = "another address"
    SHOWS_MORE = "shows more"
    NOT_STARTED = "did not start"


class ConfigurationRefusedError(RayppError):
    """A configuration is not applied; the device stays as it is.

    Args:
        refusal: the reason.
        words: the same for a person.
    """

    def __init__(self, refusal: ConfigurationRefusal, words: str) -> None:
        super().__init__(words)
        self.refusal = refusal
