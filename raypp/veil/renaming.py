"""A learned veil under another key: the same encoder, sealed anew, and a table from each old name to the new one."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from raypp.errors import SpecError
from raypp.veil.encoder_file import open_encoder, seal_encoder, spec_and_encoder
from raypp.veil.key import VeilKey
from raypp.veil.spec import LearnedSpec
from raypp.veil.substitution import Substitution

PATCH_REMEDY = "a patch veil's codes follow from its key: veil the sources anew, and train the adapter again"
"""Why a patch veil goes under no other key, and what to do instead."""


class RekeyedEncoder(NamedTuple):
    """An encoder under another key.

    Attributes:
        old, new: the veil's spec under either key: the encoder's name differs, and nothing else.
        content: the network, which is secret.
    """

    old: LearnedSpec
    new: LearnedSpec
    content: bytes

    def __repr__(self) -> str:
        return f"RekeyedEncoder({self.old.encoder} -> {self.new.encoder})"

    def seal(self, key: VeilKey) -> bytes:
        """Return the encoder file under the new key; each call seals with a fresh nonce."""
        return seal_encoder(self.new, self.content, key)

    def is_sealed_in(self, path: Path, key: VeilKey) -> bool:
        """Whether a file holds this encoder under the new key already."""
        try:
            return open_encoder(path, self.new, key) == self.content
        except SpecError:
            return False


def rekey_encoder(path: Path, old: VeilKey, new: VeilKey) -> RekeyedEncoder:
    """Open an encoder file by its key, and name its encoder under another.

    Args:
        path: the encoder file.
        old: the owner's key that it was sealed under.
        new: the owner's key that it is to be sealed under.

    Raises:
        SpecError: if it is of a patch veil, or does not open.
    """
    spec, encoder = spec_and_encoder(path)
    if not isinstance(spec, LearnedSpec):
        raise SpecError(f"{path} is the spec of a patch veil, which cannot be rekeyed; {PATCH_REMEDY}")
    if encoder is None:
        raise SpecError(f"{path} is the spec of a learned veil alone; give the encoder file that `raypp fit` wrote")
    content = open_encoder(encoder, spec, old)
    return RekeyedEncoder(spec, spec.model_copy(update={"encoder": new.name_encoder(content)}), content)


def renaming(old: Substitution, new: Substitution) -> Substitution:
    """Return the table from codes under one substitution to codes of the same levels under another.

    Its `source` is the channel of the old code that each channel of the new code is. Its `names` are uint8[C, L]: for
    each channel of the new code the new name of each old name.
    """
    source = np.argsort(old.source)[new.source]
    levels = np.argsort(old.names, axis=1)[source]
    return Substitution(source, np.take_along_axis(new.names, levels, axis=1))
