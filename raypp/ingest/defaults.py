"""Defaults and bounds of a veil job that its options show; this module imports nothing heavy."""

DEFAULT_SIZE = 640
DEFAULT_SHARD_MB = 32
MOST_VARIANTS = 16
