"""The owner's veil key, and what it hands out: a stream's secrets, identities, signatures."""

import base64
import secrets
from dataclasses import dataclass
from typing import NoReturn, Protocol, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from raypp.errors import KeyFileError
from raypp.veil.derivation import SECRET_BYTES, derive, keyed_hash
from raypp.veil.spec import LearnedSpec, VeilSpec, veil_id

FINGERPRINT_HEX = 16
ENCODER_HEX = 32


class Secret:
    """Mixin of everything secret: no text shows it, and nothing can serialise it into a Ray object or a file."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(secret)"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} is secret and is never pickled; pass the path of its file instead")


@dataclass(frozen=True, repr=False, eq=False)
class StreamSecrets(Secret):
    """Secrets that the veil of one stream (one camera, or one still image) is made from.

    Attributes:
        sub_key: public index of the sub-key, 0..K-1.
        weights_seed: 32 secret bytes; the same for every stream of this sub-key and spec.
        dither_seed: 32 secret bytes of this stream alone.
    """

    sub_key: int
    weights_seed: bytes
    dither_seed: bytes


class Keyring(Protocol):
    """A key, as far as veiling needs one; met by the owner's `VeilKey` and by the `SiteKey` of one site."""

    @property
    def public_key(self) -> bytes:
        """Raw Ed25519 public key, 32 bytes."""

    def veil_id(self, spec: VeilSpec) -> str:
        """Name of the veil that this key makes of a spec; refuses a spec it was not made for."""

    def stream(self, spec: VeilSpec, site: str, camera: str, image: bytes | None = None) -> StreamSecrets:
        """Secrets of a camera's stream or, with an image's identity, of that one still image."""

    def encoder_secret(self, spec: LearnedSpec) -> bytes:
        """32 secret bytes that the encoder of a learned veil is sealed under."""

    def hash_secret(self, site: str, use: str) -> bytes:
        """32 secret bytes for keyed hashes of one use (identity, pseudonym, digest) at one site."""


class VeilKey(Secret):
    """256 secret bits with a key epoch. Everything is derived from both; a new epoch is a new veil.

    Args:
        secret: 32 bytes.
        epoch: 0 or more; `next_epoch` raises it by one.
    """

    def __init__(self, secret: bytes, epoch: int = 0) -> None:
        size = len(secret)
        if size != SECRET_BYTES:
            del secret  # a traceback may show locals
            raise KeyFileError(f"veil key has {size} bytes, must have {SECRET_BYTES}; make one with `raypp keygen`")
        if epoch < 0:
            del secret
            raise KeyFileError(f"key epoch {epoch} is negative; epochs count from 0")
        self.epoch = epoch
        self._secret = secret
        self._root = derive(secret, b"epoch/%d" % epoch)

    @classmethod
    def generate(cls) -> Self:
        """Draw a new key from the operating system."""
        return cls(secrets.token_bytes(SECRET_BYTES))

    def next_epoch(self) -> "VeilKey":
        """Return the key of the following epoch: another veil, other identities.

        It helps where a site's key was lost, which holds one epoch. Whoever has the owner's file derives all of them.
        """
        return VeilKey(self._secret, self.epoch + 1)

    def export_secret(self) -> bytes:
        """Return the 32 secret bytes, for writing the key file and for nothing else."""
        return self._secret

    @property
    def public_key(self) -> bytes:
        """Raw Ed25519 public key, 32 bytes."""
        return self._signer().public_key().public_bytes_raw()

    @property
    def fingerprint(self) -> str:
        """16 hex digits by which people tell keys apart; derived from the public half, so it shows nothing."""
        return fingerprint(self.public_key)

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte Ed25519 signature of a message."""
        return self._signer().sign(message)

    def veil_id(self, spec: VeilSpec) -> str:
        """Name of the veil that this key makes of a spec, 32 hex digits."""
        return veil_id(spec, self.public_key)

    def stream(self, spec: VeilSpec, site: str, camera: str, image: bytes | None = None) -> StreamSecrets:
        """Secrets of a camera's stream, fixed for the key epoch.

        Args:
            spec: the veil's spec; its canonical form is part of the weights' label.
            site: name of the site.
            camera: name of the camera.
            image: identity of a still image, which is then a stream of its own; None for video.
        """
        name = stream_name(site, camera, image)
        sub_key = self.sub_key(spec, site, camera, image)
        return StreamSecrets(
            sub_key=sub_key,
            weights_seed=self.weights_seed(spec, sub_key),
            dither_seed=derive(self._root, b"dither/" + keyed_hash(derive(self._root, b"dither"), name)),
        )

    def sub_key(self, spec: VeilSpec, site: str, camera: str, image: bytes | None = None) -> int:
        """Number of a stream's sub-key, which is public; arguments as for `stream`."""
        chooser = keyed_hash(derive(self._root, b"sub-key"), stream_name(site, camera, image))
        return int.from_bytes(chooser, "big") % spec.sub_keys

    def weights_seed(self, spec: VeilSpec, sub_key: int) -> bytes:
        """32 secret bytes that the weights of one sub-key are drawn from."""
        return derive(self._root, b"weights/%d/" % sub_key + spec.canonical())

    def name_encoder(self, content: bytes) -> str:
        """Name an encoder by a keyed digest, 32 hex digits: a plain one would confirm a guessed encoder."""
        return keyed_hash(derive(self._root, b"encoder name"), content).hex()[:ENCODER_HEX]

    def encoder_secret(self, spec: LearnedSpec) -> bytes:
        """32 secret bytes that the encoder of a learned veil is sealed under."""
        return derive(self._root, b"encoder/" + spec.encoder.encode())

    def hash_secret(self, site: str, use: str) -> bytes:
        """32 secret bytes for keyed hashes of one use at one site."""
        return derive(self._root, f"hash/{use}/".encode() + site.encode())

    def _signer(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(derive(self._root, b"ed25519"))


HASH_USES = ("identity", "pseudonym", "digest")


class SiteKey(Secret):
    """Key of one site: it veils the site's own cameras with one spec, and does not hold the owner's key.

    It holds the weights of its cameras' sub-keys (shared with other sites of the same sub-key: whoever opens one edge
    box can veil, and so attack, streams of that sub-key), their dither seeds, and the site's hash secrets.
    """

    def __init__(
        self,
        spec: VeilSpec,
        public_key: bytes,
        site: str,
        cameras: dict[str, StreamSecrets],
        hashes: dict[str, bytes],
        encoder: bytes | None = None,
    ) -> None:
        self.spec = spec
        self.site = site
        self.public_key = public_key
        self._cameras = cameras
        self._hashes = hashes
        self._encoder = encoder

    @classmethod
    def derive_from(cls, key: VeilKey, spec: VeilSpec, site: str, cameras: list[str]) -> Self:
        """Derive the key file of a site from the owner's key."""
        streams = {camera: key.stream(spec, site, camera) for camera in cameras}
        hashes = {use: key.hash_secret(site, use) for use in HASH_USES}
        encoder = key.encoder_secret(spec) if isinstance(spec, LearnedSpec) else None
        return cls(spec, key.public_key, site, streams, hashes, encoder)

    @property
    def cameras(self) -> tuple[str, ...]:
        """Names of the cameras that this key can veil, sorted."""
        return tuple(sorted(self._cameras))

    def veil_id(self, spec: VeilSpec) -> str:
        """Name of the veil; raises KeyFileError unless `spec` is the one this key was derived for."""
        if spec != self.spec:
            mine, theirs = veil_id(self.spec, self.public_key), veil_id(spec, self.public_key)
            raise KeyFileError(
                f"site key of {self.site} was derived for veil {mine}, not for {theirs}; "
                "use its spec, or derive a new one with `raypp keygen --site`"
            )
        return veil_id(spec, self.public_key)

    def stream(self, spec: VeilSpec, site: str, camera: str, image: bytes | None = None) -> StreamSecrets:
        """Secrets of one of this site's cameras; raises KeyFileError for anything else."""
        self.veil_id(spec)
        if site != self.site or image is not None or camera not in self._cameras:
            what = "still images" if image is not None else f"camera {camera} of site {site}"
            held = ", ".join(self.cameras)
            remedy = "name one of its cameras, or ask the owner for a site key with that one"
            if image is not None:
                remedy = "a site key is for live cameras and videos alone"
            elif site != self.site:
                remedy = f"give `site` {self.site}, or the site key that the owner derived for {site}"
            raise KeyFileError(f"site key of {self.site} (cameras {held}) cannot veil {what}; {remedy}")
        return self._cameras[camera]

    def encoder_secret(self, spec: LearnedSpec) -> bytes:
        """32 secret bytes that the encoder is sealed under; raises KeyFileError for another spec than the key's."""
        self.veil_id(spec)
        if self._encoder is None:
            raise KeyFileError(f"site key of {self.site} opens no encoder; derive a new one with `raypp keygen --site`")
        return self._encoder

    def hash_secret(self, site: str, use: str) -> bytes:
        """32 secret bytes for keyed hashes; raises KeyFileError for another site."""
        if site != self.site:
            raise KeyFileError(f"site key of {self.site} cannot serve site {site}; use that site's key")
        return self._hashes[use]

    def export(self) -> dict[str, object]:
        """Return the JSON form, for writing the key file and for nothing else."""
        document: dict[str, object] = {
            "spec": self.spec.model_dump(mode="json"),
            "public_key": self.public_key.hex(),
            "site": self.site,
            "cameras": {
                camera: {
                    "sub_key": stream.sub_key,
                    "weights_seed": _b64(stream.weights_seed),
                    "dither_seed": _b64(stream.dither_seed),
                }
                for camera, stream in sorted(self._cameras.items())
            },
            "hashes": {use: _b64(value) for use, value in sorted(self._hashes.items())},
        }
        return document if self._encoder is None else document | {"encoder": _b64(self._encoder)}


def fingerprint(public_key: bytes) -> str:
    """16 hex digits by which people tell keys apart, from a key's public half."""
    return keyed_hash(public_key, b"fingerprint").hex()[:FINGERPRINT_HEX]


def stream_name(site: str, camera: str, image: bytes | None = None) -> bytes:
    """Unambiguous bytes for the name of a stream."""
    parts = [site.encode(), camera.encode(), image or b""]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
