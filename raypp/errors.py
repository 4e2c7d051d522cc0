"""Errors that a user can act on: each message names the thing, the value and the remedy."""


class RayppError(Exception):
    """Base of every error that raypp raises on purpose; its text is one clear line for the user."""


class OptionError(RayppError):
    """An option or argument is malformed, or two of them contradict each other."""


class KeyFileError(RayppError):
    """A veil key, site key or data key cannot be read, opened, or used for what was asked."""


class SpecError(RayppError):
    """A veil spec is malformed, unsafe (not exact in float32), or not the one in use."""


class MediaError(RayppError):
    """A source cannot be opened, decoded or understood; the source is quarantined with this text."""


class SourceReadError(MediaError):
    """A source cannot be opened or read just now (a lost mount, a failing disk); nothing is said of its content."""


class LabelError(RayppError):
    """A label file is malformed, names an unknown class, or lies outside its picture."""


class ShardError(RayppError):
    """A shard, receipt, manifest or label table is missing, damaged, or of another veil."""


class ModelError(RayppError):
    """A detector cannot be built, loaded, trained or used on what it was given."""


class ConflictError(RayppError):
    """An output is held by another job, or was made with other settings than those asked for."""
