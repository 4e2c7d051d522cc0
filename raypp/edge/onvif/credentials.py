"""Users of cameras: from a file that nobody else may read, or from the environment, and from no command line."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from raypp.edge.onvif.soap import Credentials
from raypp.errors import OptionError
from raypp.io.private import read_secret

USER_VARIABLE, PASSWORD_VARIABLE = "RAYPP_CAMERA_USER", "RAYPP_CAMERA_PASSWORD"
_FORM = "write a line `user:password`, and lines `host user:password` for cameras with others"


@dataclass(frozen=True)
class CameraUsers:
    """Users of cameras, by host.

    Attributes:
        usual: of cameras that have none of their own; None: none.
        by_host: of others.
    """

    usual: Credentials | None = None
    by_host: Mapping[str, Credentials] = field(default_factory=dict)

    def of(self, host: str) -> Credentials | None:
        """Return the user of a camera; None where none is known."""
        return self.by_host.get(host, self.usual)


def read_users(path: Path | None) -> CameraUsers:
    """Read users from a file of lines, or else from the environment.

    Args:
        path: the file; None: RAYPP_CAMERA_USER and RAYPP_CAMERA_PASSWORD, if they are set.

    Raises:
        OptionError: if the file cannot be read, is open to others, or a line has another form; no line is quoted.
    """
    if path is None:
        user, password = os.environ.get(USER_VARIABLE), os.environ.get(PASSWORD_VARIABLE)
        if (user is None) != (password is None):
            raise OptionError(f"set both {USER_VARIABLE} and {PASSWORD_VARIABLE}, or neither")
        return CameraUsers(None if user is None or password is None else Credentials(user, password))
    content = read_secret(path, "credentials file", _FORM, OptionError)
    try:
        lines = content.decode().splitlines()
    except UnicodeDecodeError:
        lines = ["\0"]
    usual, by_host = None, {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        head, colon, password = line.strip().partition(":")
        host, _, user = head.rpartition(" ")
        if not colon or not user or not line.isprintable():
            raise OptionError(f"line {number} of credentials file {path} names no user and password; {_FORM}")
        if host.strip():
            by_host[host.strip()] = Credentials(user, password)
        else:
            usual = Credentials(user, password)
    return CameraUsers(usual, by_host)
