"""Which filesystem a URL is on."""

import os

import pyarrow as pa
from pyarrow import fs

from raypp.errors import OptionError


def is_url(place: str) -> bool:
    """Whether a place is a URL rather than a local path."""
    return "://" in place


def filesystem_of(url: str) -> tuple[fs.FileSystem, str]:
    """Return the filesystem of a URL and the path within it.

    S3 honours AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL and AWS_REGION, as Amazon's own tools do. What pyarrow does not
    know goes through fsspec, if that is installed.

    Raises:
        OptionError: if no installed library knows the URL's scheme.
    """
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if url.startswith("s3://") and endpoint:
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        scheme, _, host = endpoint.rpartition("://")
        return fs.S3FileSystem(endpoint_override=host, scheme=scheme or "https", region=region), url[len("s3://") :]
    try:
        found: tuple[fs.FileSystem, str] = fs.FileSystem.from_uri(url)
    except (pa.ArrowException, ValueError):
        pass
    else:
        return found
    try:
        import fsspec  # noqa: PLC0415 - not part of the core install

        other, path = fsspec.core.url_to_fs(url, default_cache_type="none")
    except (ImportError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise OptionError(f"{url}: {reason}; use a path, or a URL that pyarrow or fsspec can read") from None
    return fs.PyFileSystem(fs.FSSpecHandler(other)), path
