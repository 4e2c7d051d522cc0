"""A configuration of one device as the owner signs it: by names of cameras, without source, address or secret."""

import json
from fractions import Fraction
from typing import Annotated, Any, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from raypp.edge.cameras_file import rate_of
from raypp.edge.configuration.refusal import ConfigurationRefusal, ConfigurationRefusedError
from raypp.io.problems import joined, problems
from raypp.media.masks import Polygon
from raypp.text.names import check_stream_name
from raypp.veil.key import VeilKey, fingerprint
from raypp.wire.device import MOST_CONFIGURATION_BYTES
from raypp.wire.frames import LATEST_US

_HEAD = "raypp device configuration v1"
_DOMAIN = _HEAD.encode() + b"\0"
_KEY_HEX, _SIGNATURE_HEX = 64, 128
_LINES = 4
_MOST_CAMERAS, _MOST_POLYGONS, _MOST_POINTS = 64, 64, 256


def _rate(value: str) -> str:
    rate_of(value)
    return value


class ConfiguredCamera(BaseModel):
    """One camera of the site's own file; what is left out stays as it is there.

    Attributes:
        capture: whether it is captured at all.
        fps: frames per second, such as 2 or 1/5, or every.
        whole: whether whole frames are veiled; false leaves its views alone.
        views: names of its views that are veiled.
        masks: polygons that are painted over, beside those of the site, in fractions of the frame.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    capture: bool = True
    fps: Annotated[str, AfterValidator(_rate)] | None = None
    whole: bool | None = None
    views: list[str] | None = None
    masks: list[list[list[float]]] | None = Field(default=None, max_length=_MOST_POLYGONS)

    @field_validator("masks")
    @classmethod
    def _closed(cls, masks: list[list[list[float]]] | None) -> list[list[list[float]]] | None:
        for polygon in masks or ():
            if not 3 <= len(polygon) <= _MOST_POINTS:
                raise ValueError(f"a polygon has {len(polygon)} points, must have 3 to {_MOST_POINTS}")
            if any(len(point) != 2 or not all(0 <= edge <= 1 for edge in point) for point in polygon):
                raise ValueError("a polygon's points are [x, y], fractions of the frame, 0 to 1")
        return masks

    @property
    def rate(self) -> Fraction | None:
        """Frames per second; None for every frame. Only where `fps` is given."""
        return rate_of(self.fps)

    @property
    def polygons(self) -> tuple[Polygon, ...]:
        """The masks, as masks files have them."""
        return tuple(tuple((x, y) for x, y in polygon) for polygon in self.masks or ())


class DeviceConfiguration(BaseModel):
    """State what the owner wants of a device.

    Attributes:
        site, device: whose it is, and nobody else's.
        number: rises with each configuration of the device; a lower one is never applied again.
        issued_us, expires_us: when it was signed, and until when it may be applied, microseconds since 1970.
        cameras: by name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    site: str
    device: str
    number: int = Field(ge=1, le=(1 << 63) - 1)
    issued_us: int = Field(ge=0, le=LATEST_US)
    expires_us: int = Field(ge=0, le=LATEST_US)
    cameras: dict[str, ConfiguredCamera] = Field(max_length=_MOST_CAMERAS)

    @field_validator("site", "device")
    @classmethod
    def _named(cls, name: str) -> str:
        check_stream_name(name, "name")
        return name

    def canonical(self) -> bytes:
        """Return the bytes that are signed."""
        return _canonical(self.model_dump(mode="json", exclude_none=True))

    def sign(self, key: VeilKey) -> bytes:
        """Return the signed document."""
        content = self.canonical()
        lines = (_HEAD, content.decode(), key.public_key.hex(), key.sign(_DOMAIN + content).hex())
        return ("\n".join(lines) + "\n").encode()

    @classmethod
    def read(cls, document: bytes, owner: bytes) -> Self:
        """Read a document that may be anybody's: its size, its signature, and only then its content.

        Args:
            document: as it came.
            owner: the owner's raw Ed25519 public key, 32 bytes.

        Raises:
            ConfigurationRefusedError: saying why it is none of the owner's, or cannot be used.
        """
        content = _vouched(document, owner)
        try:
            parsed = json.loads(content)
            same = _canonical(parsed) == content
        except (ValueError, RecursionError):
            raise ConfigurationRefusedError(ConfigurationRefusal.MALFORMED, "its content is no JSON") from None
        if not same:
            words = "its content is not in the canonical form; sign it with `raypp device sign`"
            raise ConfigurationRefusedError(ConfigurationRefusal.NOT_CANONICAL, words)
        _refuse_what_no_device_does(parsed)
        try:
            return cls.model_validate(parsed)
        except ValidationError as error:
            unknown = any(problem["type"] == "extra_forbidden" for problem in error.errors())
            refusal = ConfigurationRefusal.UNKNOWN_FIELD if unknown else ConfigurationRefusal.MALFORMED
            words = joined("it", problems(error, cls, parsed, values=False), "sign it with `raypp device sign`")
            raise ConfigurationRefusedError(refusal, words) from None


def signer_of(document: bytes) -> bytes:
    """Return the public key that a document names as its signer's; empty where it names none."""
    lines = document.decode("ascii", "replace").split("\n")
    try:
        return bytes.fromhex(lines[2]) if len(lines) > 2 else b""
    except ValueError:
        return b""


def signed_by(document: bytes) -> str:
    """Return the fingerprint of the key that a document names as its signer's."""
    return fingerprint(signer_of(document))


def _vouched(document: bytes, owner: bytes) -> bytes:
    """Return the content that the owner has signed."""
    if len(document) > MOST_CONFIGURATION_BYTES:
        words = f"it has {len(document):,} bytes, at most {MOST_CONFIGURATION_BYTES:,}"
        raise ConfigurationRefusedError(ConfigurationRefusal.TOO_LARGE, words)
    lines = document.decode("ascii", "replace").split("\n")
    if lines[0] != _HEAD or len([line for line in lines if line]) == 2:
        raise ConfigurationRefusedError(ConfigurationRefusal.UNSIGNED, "nobody has signed it")
    shape = [len(line) for line in lines[2:]]
    if len(lines) != _LINES + 1 or shape != [_KEY_HEX, _SIGNATURE_HEX, 0]:
        raise ConfigurationRefusedError(ConfigurationRefusal.TRUNCATED, "it is cut off, or damaged")
    try:
        signer, signature = bytes.fromhex(lines[2]), bytes.fromhex(lines[3])
    except ValueError:
        raise ConfigurationRefusedError(ConfigurationRefusal.TRUNCATED, "it is damaged") from None
    if signer != owner:
        words = f"{fingerprint(signer)} has signed it, and the owner of this site's key is {fingerprint(owner)}"
        raise ConfigurationRefusedError(ConfigurationRefusal.WRONG_KEY, words)
    content = lines[1].encode("ascii", "replace")
    try:
        Ed25519PublicKey.from_public_bytes(owner).verify(signature, _DOMAIN + content)
    except InvalidSignature:
        words = "its signature is false: it was altered, or the owner never made it"
        raise ConfigurationRefusedError(ConfigurationRefusal.ALTERED, words) from None
    return content


def _refuse_what_no_device_does(parsed: Any) -> None:
    """Refuse by name what only the site's own options and files can change, whoever has signed it."""
    cameras = parsed.get("cameras") if isinstance(parsed, dict) else None
    places = [parsed, *(cameras.values() if isinstance(cameras, dict) else ())]
    fields = {field for place in places if isinstance(place, dict) for field in place}
    if fields & {"plain", "plain_frames", "veil", "spec"}:
        words = "it asks for other frames than veiled ones, which no configuration can: that takes a key of the site"
        raise ConfigurationRefusedError(ConfigurationRefusal.PLAIN_FRAMES, words)
    if fields & {"server", "service", "connection", "tls", "source", "sources"}:
        words = "it asks for another address of the service or of a camera, which only the site's own options change"
        raise ConfigurationRefusedError(ConfigurationRefusal.OTHER_ADDRESS, words)


def _canonical(document: Any) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
