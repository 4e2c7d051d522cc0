"""A detector bundle under another key: the same detector, whose adapter reads the new names."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from raypp.detect.bundle import Bundle, model_passphrase_from_environment, read_bundle, write_bundle
from raypp.detect.bundle_header import is_sealed
from raypp.detect.renaming import level_weights, named_weights
from raypp.errors import ConflictError, ModelError
from raypp.io.private import private_umask
from raypp.rekey.settings import RekeySettings
from raypp.veil.key import VeilKey
from raypp.veil.renaming import PATCH_REMEDY, RekeyedEncoder
from raypp.veil.substitution import every_substitution

_EMBED = ".embed.weight"


@dataclass(frozen=True)
class RekeyedModel:
    """A bundle under the new key.

    Attributes:
        path: its file.
        bundle: the detector.
        passphrase: what seals it, where the old one is sealed.
        exact: whether it finds what the old one found: in all frames where it reads all sub-keys alike, else in those
            of the cameras that were named.
        sub_keys: for each sub-key of the new key, which of the old key's it reads as; None for the mean of all.
    """

    path: Path
    bundle: Bundle
    passphrase: str | None = field(repr=False)
    exact: bool
    sub_keys: tuple[int | None, ...]

    def write(self) -> None:
        """Write it, unless it is there; raises ConflictError if another file is."""
        if not self.is_there():
            with private_umask():
                write_bundle(self.bundle, self.path, self.passphrase)

    def is_there(self) -> bool:
        """Whether it is written already; raises ConflictError if another file has its name."""
        if not self.path.exists():
            return False
        if read_bundle(self.path).to_bytes() == self.bundle.to_bytes():
            return True
        raise ConflictError(f"{self.path} exists, and is not this model under the new key; choose another `out`")


def rekey_model(
    path: Path, veil: RekeyedEncoder, keys: tuple[VeilKey, VeilKey], settings: RekeySettings
) -> RekeyedModel:
    """Let a detector read codes of the new key: the weights of its adapter's first layer change places.

    A stream has another sub-key under another key. Where a training has told sub-keys apart, each sub-key of the new
    key reads as the one that its cameras had.

    Args:
        path: the bundle, sealed or not.
        veil: the encoder under both keys.
        keys: the owner's old key, and the new one.
        settings: where it is written, the cameras that it is for, and whether sub-keys may be read by their mean.

    Raises:
        ModelError: if it is no bundle, or its adapter cannot be rekeyed exactly.
        ConflictError: if it is of another veil, or another file has its name.
    """
    old, new = keys
    bundle = read_bundle(path)
    info = bundle.header.info
    if info.spec.get("family", "patch") != "learned":
        raise ModelError(f"model {path} is of a patch veil, which cannot be rekeyed; {PATCH_REMEDY}")
    if info.veil_id != old.veil_id(veil.old):
        raise ConflictError(
            f"model {path} is of veil {info.veil_id}, but this key and encoder make veil {old.veil_id(veil.old)}; "
            "give the key and the encoder that it was trained under"
        )
    name = _embedding(path, bundle.tensors)
    names = every_substitution(veil.old, old)
    embed = bundle.tensors[name]
    if embed.shape[1] != names[0].names.size or getattr(info, "sub_keys", 1) != len(names):
        raise ModelError(
            f"model {path} does not tell the {len(names)} sub-keys of its veil apart, and no order of its weights "
            "reads others; train it anew on frames under the new key"
        )
    own = level_weights(embed, names)
    chosen: tuple[int | None, ...] = tuple(range(len(names)))
    exact = bool((own == own[:1]).all())
    if not exact:
        named, may_mean = settings.camera_names(), settings.mean_of_sub_keys
        if not named and not may_mean:
            raise ModelError(
                f"model {path} has learned its {len(names)} sub-keys apart, and streams have other sub-keys under "
                "another key; name its cameras with `cameras`, or take the mean of all with `mean_of_sub_keys`"
            )
        had = _sub_keys_had(named, veil, keys)
        exact = bool(had) and all(len(apart) == 1 for apart in had.values())
        if named and not exact and not may_mean:
            first, second, *_ = next(apart for apart in had.values() if len(apart) > 1).values()
            raise ModelError(
                f"cameras {first} and {second} share a sub-key under the new key, and did not under the old one, so "
                "that no adapter reads both exactly; make another key, or take the mean of all with `mean_of_sub_keys`"
            )
        chosen = tuple(_only(had.get(number, {})) for number in range(len(names)))
    mean = own.float().mean(0).to(own.dtype)
    weights = torch.stack([mean if number is None else own[number] for number in chosen])
    renamed = named_weights(weights, every_substitution(veil.new, new))
    about = info.model_copy(update={"veil_id": new.veil_id(veil.new), "spec": veil.new.model_dump(mode="json")})
    header = bundle.header.model_copy(update={"info": about})
    model = RekeyedModel(
        settings.out / path.name,
        Bundle(header, {**bundle.tensors, name: renamed.contiguous()}),
        model_passphrase_from_environment() if is_sealed(path) else None,
        exact,
        chosen,
    )
    model.is_there()  # else refused before anything is written
    return model


def _embedding(path: Path, tensors: Mapping[str, Tensor]) -> str:
    named = [name for name in tensors if name.endswith(_EMBED)]
    if len(named) != 1:
        raise ModelError(f"model {path} has no adapter of codes; give a bundle of `raypp export` or of `raypp fit`")
    return named[0]


def _sub_keys_had(
    cameras: Iterable[tuple[str, str]], veil: RekeyedEncoder, keys: tuple[VeilKey, VeilKey]
) -> dict[int, dict[int, str]]:
    """Return for each sub-key of the new key those that its cameras had under the old one, each with a camera."""
    old, new = keys
    had: dict[int, dict[int, str]] = {}
    for site, camera in cameras:
        was, now = old.sub_key(veil.old, site, camera), new.sub_key(veil.new, site, camera)
        had.setdefault(now, {}).setdefault(was, f"{site}/{camera}")
    return had


def _only(apart: dict[int, str]) -> int | None:
    return next(iter(apart)) if len(apart) == 1 else None
