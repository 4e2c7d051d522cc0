"""Errors that a user can act on: each message names the thing, the value and the remedy."""

from raypp.text.address import redacted
from raypp.text.printable import printable_lines


class RayppError(Exception):
    """Base of every error that raypp raises on purpose; its text is one clear line for the user.

    URLs in it lose user, password and query when it is made, whatever library they came from. Characters that cannot be
    seen stand as escapes, whatever file they came from.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*(printable_lines(redacted(arg)) if isinstance(arg, str) else arg for arg in args))


class OptionError(RayppError):
    """An option or argument is malformed, or two of them contradict each other."""


class UnreachableError(OptionError):
    """The host or bucket of a URL cannot be reached."""


class UnknownNameError(OptionError):
    """A name is that of nothing which is there: no source, site or camera of an archive."""


class ContentError(RayppError, ValueError):
    """The content of a file is no such document, too large, or nested too deeply; its reader names the file."""


class KeyFileError(RayppError):
    """A veil key, site key or data key cannot be read, opened, or used for what was asked."""


class PinError(KeyFileError):
    """A token refused its PIN, or a further try could lock it; only a person may try again."""


class SpecError(RayppError):
    """A veil spec is malformed, unsafe (not exact in float32), or not the one in use."""


class MediaError(RayppError):
    """A source cannot be opened, decoded or understood; the source is quarantined with this text."""


class SourceReadError(MediaError):
    """A source cannot be opened or read just now (a lost mount, a failing disk); nothing is said of its content."""


class LabelError(RayppError):
    """A label file is malformed, names an unknown class, or lies outside its image."""


class TicketError(RayppError):
    """A ticket about a label, or an answer to it, is malformed, of another archive, or contradicts another."""


class ShardError(RayppError):
    """A shard, receipt, manifest or label table is missing, damaged, or of another veil."""


class ModelError(RayppError):
    """A detector cannot be built, loaded, trained or used on what it was given."""


class CertificateError(RayppError):
    """A certificate of an audit cannot be read, was altered, contradicts itself, or cannot be signed with this key."""


class ConflictError(RayppError):
    """An output is held by another job, or was made with other settings than those asked for."""


class WireError(RayppError):
    """A message is malformed, out of range, or its cells do not give the grid that its checksum names."""


class WireLimitError(WireError):
    """A message is well formed, and larger than the service's limits allow."""


class SpoolError(RayppError):
    """A site's spool cannot be read, written or used, or it does not fit what the service has committed."""


class SiteError(RayppError):
    """A site's agent, its configuration, a camera or its link to the service cannot be used as asked."""


class SettingsError(RayppError):
    """A site's settings are malformed, contradict themselves, or name what the model or a camera does not have."""


class FoldError(RayppError):
    """The kept state of a fold is malformed, of other settings, or of a stream that has ended."""


class TallyError(RayppError):
    """A tally could not be carried out: a party is away, is another one, or holds another plan."""


class CollectiveError(RayppError):
    """A collective training cannot go on as asked: a site, an answer or the coordinator does not keep the plan."""


class LedgerError(RayppError):
    """A ledger cannot be opened, read or written as asked; trying again does not help."""


class LedgerUnavailableError(LedgerError):
    """A ledger cannot be reached just now; read the position again to know whether a commit under way is durable."""


class LedgerBusyError(LedgerUnavailableError):
    """A ledger answers, and has put off one thing: it took too long, or others held what it needs; try again."""


class LedgerFullError(LedgerUnavailableError):
    """The disk under a ledger is full; nothing was written."""


class SiteMovingError(LedgerUnavailableError):
    """A site is on its way to another ledger, or has moved there; nothing was written."""


class StaleStreamError(LedgerError):
    """Another connection has moved a stream on, or something has rewritten it; open it again and go on from there."""


class StreamRefusedError(LedgerError):
    """A stream cannot be opened or continued as asked: an old epoch, an ended stream, frames out of order."""


class TooManyCamerasError(LedgerError):
    """A site has as many cameras in the ledger as it may."""


class TooManyDevicesError(LedgerError):
    """A site has as many devices in the ledger as it may."""


class TooManyStreamsError(LedgerError):
    """A site has as many streams open, on all gateways together, as it may."""


class UnknownSiteError(LedgerError):
    """A site is not registered in the ledger."""


class UnauthenticatedError(RayppError):
    """A token is missing, malformed, unknown, expired or revoked."""


class ForbiddenError(RayppError):
    """A principal asked for what its role, or its site, does not allow."""
