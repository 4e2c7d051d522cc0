"""Which filesystem a URL is on."""

import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, unquote

from raypp.errors import OptionError, UnreachableError

if TYPE_CHECKING:
    from pyarrow import fs

_QUERY = re.compile(r"\?(?=[a-z_]+=)")
_HTTP = frozenset(["http", "https"])
_SPOKEN_OF_URLS = str.maketrans({"%": "%25", "#": "%23", "?": "%3F"})


class _Parts(NamedTuple):
    """A URL's scheme, host or bucket, path with its first slash, and query, as they are written."""

    scheme: str
    authority: str
    path: str
    query: str


def is_url(place: str) -> bool:
    """Whether a place is a URL rather than a local path."""
    return "://" in place


def url_path(place: str) -> str:
    """A local path as it is; of a URL, all but the query that says how to reach it, or who may."""
    if not is_url(place):
        return place
    parts = _parts(place)
    return f"{parts.scheme}://{parts.authority}{parts.path}"


def url_below(url: str, relative: str) -> str:
    """URL of the file `relative` below the folder at `url`: what means something else in URLs is escaped."""
    parts = _parts(url)
    escaped = relative if parts.scheme in _HTTP else relative.translate(_SPOKEN_OF_URLS)
    query = f"?{parts.query}" if parts.query else ""
    return f"{url_path(url).rstrip('/')}/{escaped}{query}"


def plain_name(place: str) -> str:
    """A name as it is; of a name in a URL, its escapes undone."""
    return unquote(place, errors="surrogateescape")


def filesystem_of(url: str) -> "tuple[fs.FileSystem, str]":
    """Return the filesystem of a URL and the path within it.

    Paths may be percent-encoded, and need not be but for `%`, `#` and `?`. S3 honours AWS_ENDPOINT_URL_S3,
    AWS_ENDPOINT_URL and AWS_REGION, as Amazon's own tools do. What pyarrow does not know goes through fsspec, if that
    is installed.

    Raises:
        OptionError: if no installed library knows the URL's scheme.
        UnreachableError: if its host or bucket cannot be reached.
    """
    import pyarrow as pa  # noqa: PLC0415 - slow to load, and most callers only ask whether a place is a URL
    from pyarrow import fs  # noqa: PLC0415

    parts = _parts(url)
    path = plain_name(parts.path)
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if parts.scheme == "s3" and endpoint and not parts.query:
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        scheme, _, host = endpoint.rpartition("://")
        filesystem = fs.S3FileSystem(endpoint_override=host, scheme=scheme or "https", region=region)
        return filesystem, parts.authority + path
    encoded = quote(path, safe="/:@!$&'()*+,;=~", errors="surrogateescape")
    query = f"?{parts.query}" if parts.query else ""
    try:
        opened: tuple[fs.FileSystem, str] = fs.FileSystem.from_uri(
            f"{parts.scheme}://{parts.authority}{encoded}{query}"
        )
    except (pa.ArrowException, ValueError):
        return _by_fsspec(url, parts)
    except OSError as error:
        reason = str(error).splitlines()[0]
        raise UnreachableError(f"{url}: {reason}; check its name, the network and your credentials") from None
    return opened


def _by_fsspec(url: str, parts: _Parts) -> "tuple[fs.FileSystem, str]":
    from pyarrow import fs  # noqa: PLC0415

    uncached: dict[str, Any] = {"cache_type" if parts.scheme in _HTTP else "default_cache_type": "none"}
    try:
        import fsspec  # noqa: PLC0415 - not part of the core install

        other, path = fsspec.core.url_to_fs(url, **uncached)
    except (ImportError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise OptionError(f"{url}: {reason}; use a path, or a URL that pyarrow or fsspec can read") from None
    return fs.PyFileSystem(fs.FSSpecHandler(other)), path


def _parts(url: str) -> _Parts:
    scheme, _, rest = url.partition("://")
    if scheme in _HTTP:
        place, _, query = rest.partition("?")
        authority, slash, path = place.partition("/")
        return _Parts(scheme, authority, slash + path, query)
    authority, slash, path = rest.partition("/")
    if scheme == "file":
        return _Parts(scheme, authority, slash + path, "")
    if match := _QUERY.search(rest):
        authority, slash, path = rest[: match.start()].partition("/")
        return _Parts(scheme, authority, slash + path, rest[match.end() :])
    return _Parts(scheme, authority, slash + path, "")
