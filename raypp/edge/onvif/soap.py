"""Calls of ONVIF's services: SOAP over HTTP, with a password that is never sent as it is."""

import base64
import hashlib
import http.client
import secrets
import ssl
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from raypp.edge.onvif.document import MOST_BYTES, first, parse_document, text
from raypp.errors import MediaError

DEVICE = "http://www.onvif.org/ver10/device/wsdl"
MEDIA = "http://www.onvif.org/ver10/media/wsdl"
_SECURITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_UTILITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_PROFILE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0"
_REFUSED = ("NotAuthorized", "FailedAuthentication", "FailedCheck")


@dataclass(frozen=True)
class Credentials:
    """A user of cameras."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class SoapService:
    """One service of one camera.

    Attributes:
        url: http or https.
        credentials: of a user; None: no password is needed, or known.
        clock_offset: the camera's clock less ours, for tokens that it takes as new.
        timeout_s: for each step of a call.
    """

    url: str
    credentials: Credentials | None
    clock_offset: timedelta
    timeout_s: float

    def call(self, namespace: str, name: str, content: str = "", *, signed: bool = True) -> Element:
        """Call an operation and return the body of its answer.

        Args:
            namespace: of the operation.
            name: of it, such as GetProfiles.
            content: XML within its element, with the prefix `o` of the namespace.
            signed: whether the user's token goes with it.

        Raises:
            MediaError: if the camera does not answer, refuses, or its answer cannot be read.
        """
        header = self._token() if signed and self.credentials else ""
        envelope = (
            '<?xml version="1.0" encoding="UTF-8"?><e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" '
            f'xmlns:o="{namespace}" xmlns:tt="http://www.onvif.org/ver10/schema"><e:Header>{header}</e:Header>'
            f"<e:Body><o:{name}>{content}</o:{name}></e:Body></e:Envelope>"
        )
        status, answer = self._post(envelope.encode(), f"{namespace}/{name}")
        if status == http.client.UNAUTHORIZED:
            raise self._refusal()
        root = parse_document(answer)
        fault = first(root, "Fault")
        if fault is not None:
            values = [element.text or "" for element in fault.iter()]
            if any(word in value for word in _REFUSED for value in values):
                raise self._refusal()
            reason = text(fault, "Reason", "Text") or text(fault, "faultstring") or "without a reason"
            raise MediaError(f"refuses {name}: {reason}")
        if status != http.client.OK:
            raise MediaError(f"answers {name} with HTTP status {status}")
        body = first(root, "Body")
        if body is None:
            raise MediaError(f"answers {name} with XML that is no SOAP")
        return body

    def _refusal(self) -> MediaError:
        if self.credentials is None:
            return MediaError("wants a user and a password; give `credentials_file`, or set RAYPP_CAMERA_USER")
        return MediaError("refuses user or password; correct them, and see whether it locks users after some tries")

    def _token(self) -> str:
        """Return a UsernameToken: a digest of nonce, time and password."""
        assert self.credentials is not None  # noqa: S101 - of calls that are signed
        nonce = secrets.token_bytes(16)
        created = (datetime.now(UTC) + self.clock_offset).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        digest = hashlib.sha1(  # noqa: S324 - what the profile prescribes
            nonce + created.encode() + self.credentials.password.encode()
        ).digest()
        return (
            f'<s:Security xmlns:s="{_SECURITY}" xmlns:u="{_UTILITY}"><s:UsernameToken>'
            f"<s:Username>{escape(self.credentials.user)}</s:Username>"
            f'<s:Password Type="{_PROFILE}#PasswordDigest">{base64.b64encode(digest).decode()}</s:Password>'
            f"<s:Nonce>{base64.b64encode(nonce).decode()}</s:Nonce><u:Created>{created}</u:Created>"
            "</s:UsernameToken></s:Security>"
        )

    def _post(self, envelope: bytes, action: str) -> tuple[int, bytes]:
        """Post once, without following a redirect."""
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        try:
            if parts.scheme == "https":
                # Cameras sign their own certificates, and the token shows no password.
                context = ssl._create_unverified_context()  # noqa: S323, SLF001
                connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                    host, parts.port, timeout=self.timeout_s, context=context
                )
            else:
                connection = http.client.HTTPConnection(host, parts.port, timeout=self.timeout_s)
            try:
                kind = f'application/soap+xml; charset=utf-8; action="{action}"'
                connection.request("POST", parts.path or "/", envelope, {"Content-Type": kind})
                answer = connection.getresponse()
                return answer.status, self._read(answer)
            finally:
                connection.close()
        except TimeoutError:
            raise MediaError(f"does not answer within {self.timeout_s:.2g} s") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise MediaError(f"cannot be reached ({reason})") from None

    def _read(self, answer: http.client.HTTPResponse) -> bytes:
        """Read an answer up to its limit; raises TimeoutError for one that comes in drops."""
        content = b""
        ends = time.monotonic() + self.timeout_s
        while len(content) <= MOST_BYTES and (piece := answer.read1(MOST_BYTES)):
            content += piece
            if time.monotonic() > ends:
                raise TimeoutError
        return content
