"""A camera as ONVIF describes it: model, clock, profiles, and the URL of each profile's stream."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit, urlunsplit
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

from pydantic import BaseModel, ConfigDict, Field

from raypp.edge.onvif.document import each, first, number, text
from raypp.edge.onvif.soap import DEVICE, MEDIA, Credentials, SoapService
from raypp.edge.sources import is_live
from raypp.errors import MediaError

_MOST_PROFILES = 16
_SKEW_S = 5
_SETUP = (
    "<o:StreamSetup><tt:Stream>RTP-Unicast</tt:Stream><tt:Transport><tt:Protocol>RTSP</tt:Protocol></tt:Transport>"
    "</o:StreamSetup>"
)


class StreamProfile(BaseModel):
    """One profile of a camera.

    Attributes:
        name: as the camera calls it.
        codec: such as H264; empty where it does not say.
        width, height: in pixels; 0 where it does not say.
        fps: at most; None where it does not say.
        url: of its stream, without user, password and query; empty where it gives none.
        source: the same as the agent reads it, with what belongs to it; never shown, and in no JSON.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    codec: str
    width: int
    height: int
    fps: float | None
    url: str
    source: str = Field("", exclude=True, repr=False)


class DiscoveredCamera(BaseModel):
    """One camera, or a device that answered and cannot be used.

    Attributes:
        name: as it calls itself; empty where it does not.
        host: its address.
        model: maker and model.
        clock_offset_s: its clock less ours, in seconds; None where it does not say.
        profiles: in the camera's order.
        problem: why there is nothing more; empty where nothing is wrong.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    host: str
    model: str = ""
    clock_offset_s: float | None = None
    profiles: tuple[StreamProfile, ...] = ()
    problem: str = ""

    @property
    def is_skewed(self) -> bool:
        """Whether its clock is far enough off that calls with a password may be refused by others."""
        return self.clock_offset_s is not None and abs(self.clock_offset_s) > _SKEW_S


def describe_camera(
    service: str, name: str, credentials: Credentials | None, deadline_s: float, timeout_s: float
) -> DiscoveredCamera:
    """Ask a camera for all that a site needs of it; what is wrong with it becomes its `problem`.

    Args:
        service: URL of its device service.
        name: as its answer called it; empty where it did not.
        credentials: of a user; None: without.
        deadline_s: for all calls together, in seconds.
        timeout_s: for each step of a call.
    """
    host = urlsplit(service).hostname or ""
    known = DiscoveredCamera(name=name, host=host)
    ends = time.monotonic() + deadline_s

    def left(url: str, offset: timedelta) -> SoapService:
        remaining = ends - time.monotonic()
        if remaining <= 0:
            raise MediaError(f"took longer than {deadline_s:g} s; give `seconds` more")
        return SoapService(url, credentials, offset, min(timeout_s, remaining))

    try:
        offset = _clock_offset(left(service, timedelta()).call(DEVICE, "GetSystemDateAndTime", signed=False))
        known = known.model_copy(update={"clock_offset_s": None if offset is None else offset.total_seconds()})
        offset = offset or timedelta()
        about = left(service, offset).call(DEVICE, "GetDeviceInformation")
        model = " ".join(filter(None, (text(about, "Manufacturer"), text(about, "Model"))))
        known = known.model_copy(update={"model": model})
        url = _media_url(left(service, offset))
        listed = list(each(left(url, offset).call(MEDIA, "GetProfiles"), "Profiles"))[:_MOST_PROFILES]
        profiles = tuple(_profile(profile, lambda: left(url, offset), credentials) for profile in listed)
        return known.model_copy(update={"profiles": profiles, "problem": "" if profiles else "has no profile"})
    except MediaError as error:
        return known.model_copy(update={"problem": _with_skew(str(error), known)})


def _media_url(device: SoapService) -> str:
    media = text(device.call(DEVICE, "GetCapabilities", "<o:Category>Media</o:Category>"), "Media", "XAddr")
    url = _on_host(media, device.url) if media else ""
    if not url:
        raise MediaError("has no media service: it is no camera, or speaks another version of ONVIF")
    return url


def _with_skew(problem: str, known: DiscoveredCamera) -> str:
    if known.is_skewed and "refuses user" in problem:
        return f"{problem}; its clock is {known.clock_offset_s:+.0f} s off ours"
    return problem


def _clock_offset(body: Element) -> timedelta | None:
    """Return the camera's clock less ours; None where it does not say UTC."""
    utc = first(body, "UTCDateTime")
    if utc is None:
        return None
    values = [number(utc, *path) for path in (("Date", "Year"), ("Date", "Month"), ("Date", "Day"))]
    values += [number(utc, "Time", name) for name in ("Hour", "Minute", "Second")]
    try:
        moment = datetime(*(int(value) for value in values if value is not None), tzinfo=UTC)  # type: ignore[misc, arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return moment - datetime.now(UTC)


def _profile(listed: Element, media: Callable[[], SoapService], credentials: Credentials | None) -> StreamProfile:
    token = next((value for name, value in listed.attrib.items() if name.rpartition("}")[2] == "token"), "")
    encoder = first(listed, "VideoEncoderConfiguration")
    values = {} if encoder is None else {"codec": text(encoder, "Encoding")}
    width, height = (number(listed, "VideoEncoderConfiguration", "Resolution", side) for side in ("Width", "Height"))
    rate = number(listed, "VideoEncoderConfiguration", "RateControl", "FrameRateLimit")
    uri = ""
    if encoder is not None:
        content = f"{_SETUP}<o:ProfileToken>{quoteattr(token)[1:-1]}</o:ProfileToken>"
        answer = first(media().call(MEDIA, "GetStreamUri", content), "Uri")
        uri = (answer.text or "").strip() if answer is not None else ""
    if uri and (not is_live(uri) or not uri.isprintable() or len(uri) > 2000):
        raise MediaError("gives a stream URL that is none of a live camera")
    return StreamProfile(
        name=text(listed, "Name") or token[:100],
        codec=values.get("codec", ""),
        width=int(width or 0),
        height=int(height or 0),
        fps=rate,
        url=_shown(uri, credentials),
        source=_source(uri, credentials),
    )


def _on_host(url: str, service: str) -> str:
    """Return a URL on the host that answered, whatever host it names: cameras behind a router name their own."""
    try:
        parts, own = urlsplit(url), urlsplit(service)
        if parts.scheme not in {"http", "https"}:
            return ""
        port = parts.port if parts.hostname == own.hostname else own.port
        scheme = parts.scheme if parts.hostname == own.hostname else own.scheme
    except ValueError:
        return ""
    return urlunsplit((scheme, _netloc(own.hostname or "", port), parts.path, "", ""))


def _shown(uri: str, credentials: Credentials | None) -> str:
    """Return a stream's URL without user and query, and without a path that holds the password."""
    if not uri:
        return ""
    parts = urlsplit(uri)
    path = parts.path
    secret = credentials.password if credentials else ""
    if "passw" in path.lower() or "pwd" in path.lower() or (secret and (secret in path or quote(secret) in path)):
        path = "/..."
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], path, "", "")) + ("?..." if parts.query else "")


def _source(uri: str, credentials: Credentials | None) -> str:
    """Return a stream's URL with the user and the password that it needs."""
    if not uri or credentials is None:
        return uri
    parts = urlsplit(uri)
    if "@" in parts.netloc:
        return uri
    user = f"{quote(credentials.user, safe='')}:{quote(credentials.password, safe='')}"
    return urlunsplit((parts.scheme, f"{user}@{parts.netloc}", parts.path, parts.query, ""))


def _netloc(host: str, port: int | None) -> str:
    host = f"[{host}]" if ":" in host else host
    return host if port is None else f"{host}:{port}"
