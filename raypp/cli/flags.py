"""Errors name fields of the Python API; a person at the command line reads the flags that set them."""

import re

_FIELD = re.compile(r"`([a-z][a-z0-9_]*)`")
_FLAGS = {
    "architecture": "--model",
    "chunk_s": "--chunk-seconds",
    "data_key_path": "--data-key",
    "gap_s": "--gap-seconds",
    "key_path": "--key",
    "rate": "--fps",
    "segment_s": "--segment-seconds",
}
"""Fields whose flag has another name."""


def with_flags(text: str) -> str:
    """Return a text in which each field in backquotes, such as `shard_mb`, is its flag, such as --shard-mb.

    Commands in backquotes, such as `raypp veil`, stay: they hold a space.
    """
    return _FIELD.sub(lambda match: _FLAGS.get(match[1], "--" + match[1].replace("_", "-")), text)
