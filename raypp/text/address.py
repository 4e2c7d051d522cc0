"""Addresses as they may be shown: user names, passwords and queries of URLs stand in no log, message or report."""

import re

_URL = re.compile(r"""(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?!USER[:@])(?P<rest>[^\s'"<>`]*)""")
_CAMERA_SCHEMES = frozenset(["rtsp", "rtsps", "rtmp", "rtmps", "rtp", "srt", "tcp", "udp"])
"""What only cameras speak; their paths hold passwords, too: `/user=admin&password=...`."""
_HOST = re.compile(r"[^/?#]*")
_TRAILING = ".,;:!?)]}"


def redacted(text: str, *, path: bool = True) -> str:
    """Return a text whose URLs name no user, no password and no query.

    A password may hold `/`, `@`, `?` or `#` that should have been percent-encoded. So whatever stands before the last
    `@` counts as one; what is left out of a harmless URL thereby is the price of that.

    Args:
        text: any text, with any number of URLs; a URL in it ends at a blank or a quotation mark.
        path: whether paths may be shown. Those of cameras never are.
    """
    return _URL.sub(lambda url: _bare(url["scheme"], url["rest"], path), text)


def redacted_camera(source: str) -> str:
    """Return a camera's source as it may be shown: scheme, host and port of a URL; a device or a file as it is."""
    scheme, separator, rest = source.partition("://")
    return _bare(scheme, rest, path=False) if separator else source


def has_unclear_password(url: str) -> bool:
    """Whether a URL seems to hold a password with a `/`, `@`, `?` or `#` that is not percent-encoded."""
    rest = url.partition("://")[2]
    head = _head(rest)
    return rest.count("@") > 1 or ("@" not in head and ":" in head and "@" in rest)


def _bare(scheme: str, rest: str, path: bool) -> str:
    end = len(rest.rstrip(_TRAILING))
    rest, trailing = rest[:end], rest[end:]
    head = _head(rest)
    if "@" in head or (":" in head and "@" in rest):
        rest = rest.rpartition("@")[2]
        head = _head(rest)
    if not path or scheme.lower() in _CAMERA_SCHEMES:
        return f"{scheme}://{head}{trailing}"
    before, question, _ = rest.partition("?")
    return f"{scheme}://{before}{question and '?...'}{trailing}"


def _head(rest: str) -> str:
    """Return the part before the path, query or fragment."""
    host = _HOST.match(rest)
    return host[0] if host else ""
