"""A detector on codes under another key: its adapter's first layer reads the new names, and nothing else changes."""

from collections.abc import Sequence

import torch
from torch import Tensor

from raypp.veil.substitution import Substitution


def level_weights(embed_KWI11: Tensor, names: Sequence[Substitution]) -> Tensor:
    """Return an adapter's first layer as weights of the encoder's own levels, [K, W, C, L]: exactly, for it only sorts.

    Args:
        embed_KWI11: the layer under some key, [K*W, C*L, 1, 1].
        names: substitutions of the K sub-keys under that key.
    """
    channels, levels = names[0].names.shape
    parts = []
    for substitution, part in zip(names, embed_KWI11.reshape(len(names), -1, channels, levels), strict=True):
        source, name = torch.from_numpy(substitution.source), torch.from_numpy(substitution.names).long()
        own = torch.empty_like(part)
        own[:, source] = part.gather(2, name.expand(len(part), -1, -1))
        parts.append(own)
    return torch.stack(parts)


def named_weights(own_KWCL: Tensor, names: Sequence[Substitution]) -> Tensor:
    """Undo `level_weights`, under the same key or another: [K*W, C*L, 1, 1].

    Args:
        own_KWCL: weights of the encoder's own levels for each sub-key.
        names: substitutions of the K sub-keys.
    """
    parts = []
    for substitution, own in zip(names, own_KWCL, strict=True):
        source, name = (
            torch.from_numpy(substitution.source).to(own.device),
            torch.from_numpy(substitution.names).long().to(own.device),
        )
        part = torch.empty_like(own)
        part.scatter_(2, name.expand(len(own), -1, -1), own[:, source])
        parts.append(part)
    channels, levels = own_KWCL.shape[2:]
    return torch.stack(parts).reshape(-1, channels * levels, 1, 1)
