"""The generator's network: convolutions that name the hidden code values of a frame from the rest and a label map."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

_WIDTHS = (48, 64, 96)
_GROUPS = 8
_DROPOUT = 0.1
_HEADS = 4
STRIDE = 2 ** (len(_WIDTHS) - 1)
"""Cells that rows and columns are padded to a multiple of."""


@dataclass(frozen=True)
class NetworkShape:
    """Shape of a network.

    Attributes:
        channels: code values of a cell, C.
        levels: names of a value, L; the name L stands for a hidden one, L + 1 for where there is no cell.
        sub_keys: number of sub-keys, each with names of its own.
        planes: planes of a label map.
    """

    channels: int
    levels: int
    sub_keys: int
    planes: int


class MaskedCodeNetwork(nn.Module):
    """Gives each code value's names their odds, from the values that are shown, a label map and the sub-key.

    Names are read and written as a detector's adapter reads them: by weights of their own under each sub-key. Between
    them all sub-keys share the weights.

    Args:
        shape: of codes and label maps.
    """

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.shape = shape
        first = _WIDTHS[0]
        self.embed = nn.ModuleList(
            nn.Conv2d(shape.channels * (shape.levels + 1), first, 1) for _ in range(shape.sub_keys)
        )
        self.labels = nn.Conv2d(shape.planes, first, 3, padding=1)
        self.down = nn.ModuleList(nn.Sequential(_Block(width), _Block(width)) for width in _WIDTHS)
        self.shrink = nn.ModuleList(
            nn.Conv2d(fine, coarse, 3, stride=2, padding=1) for fine, coarse in pairwise(_WIDTHS)
        )
        self.across = _Attention(_WIDTHS[-1])
        self.grow = nn.ModuleList(nn.Conv2d(coarse, 4 * fine, 1) for fine, coarse in pairwise(_WIDTHS))
        self.up = nn.ModuleList(nn.Sequential(_Block(width), _Block(width)) for width in _WIDTHS[:-1])
        self.norm = nn.GroupNorm(_GROUPS, first)
        self.name = nn.ModuleList(nn.Conv2d(first, shape.channels * shape.levels, 1) for _ in range(shape.sub_keys))

    def forward(self, codes_NCRW: Tensor, planes_NPRW: Tensor, sub_key: int) -> Tensor:
        """Name hidden values.

        Args:
            codes_NCRW: uint8[N, C, rows, columns] of one sub-key; L where a value is hidden.
            planes_NPRW: float32[N, P, rows, columns], label maps.
            sub_key: the sub-key.

        Returns:
            float32[N, C, L, rows, columns], logits.
        """
        rows, columns = codes_NCRW.shape[-2:]
        lacking = (0, -columns % STRIDE, 0, -rows % STRIDE)
        codes = functional.pad(codes_NCRW, lacking, value=self.shape.levels + 1)
        names = torch.arange(self.shape.levels + 1, device=codes.device, dtype=codes.dtype)
        one_hot = (codes[:, :, None] == names[:, None, None]).flatten(1, 2).float()
        hidden = self.embed[sub_key](one_hot) + self.labels(functional.pad(planes_NPRW, lacking))
        kept: list[Tensor] = []
        for blocks, shrink in zip(self.down, self.shrink, strict=False):
            hidden = blocks(hidden)
            kept.append(hidden)
            hidden = shrink(hidden)
        hidden = self.across(self.down[-1](hidden))
        for blocks, grow, beside in reversed(list(zip(self.up, self.grow, kept, strict=True))):
            hidden = blocks(functional.pixel_shuffle(grow(hidden), 2) + beside)
        logits: Tensor = self.name[sub_key](functional.silu(self.norm(hidden)))
        return logits[..., :rows, :columns].float().reshape(-1, self.shape.channels, self.shape.levels, rows, columns)


class _Block(nn.Module):
    """Two convolutions beside what they are given."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.GroupNorm(_GROUPS, width),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.GroupNorm(_GROUPS, width),
            nn.SiLU(),
            nn.Dropout2d(_DROPOUT),
            nn.Conv2d(width, width, 3, padding=1),
        )

    def forward(self, hidden: Tensor) -> Tensor:
        given: Tensor = hidden + self.layers(hidden)
        return given


class _Attention(nn.Module):
    """Lets all places of the coarsest grid look at each other, so that a frame has one light and one bench."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(_GROUPS, width)
        self.look = nn.MultiheadAttention(width, _HEADS, batch_first=True)

    def forward(self, hidden: Tensor) -> Tensor:
        places = self.norm(hidden).flatten(2).transpose(1, 2)
        seen, _ = self.look(places, places, places, need_weights=False)
        given: Tensor = hidden + seen.transpose(1, 2).reshape(hidden.shape)
        return given


def hidden_loss(
    network: MaskedCodeNetwork,
    codes: Tensor,
    planes: Tensor,
    hidden: Tensor,
    sub_key: int,
    shown: Tensor | None = None,
) -> Tensor:
    """Return each frame's mean cross-entropy of its hidden values, float32[N], in nats a value.

    Args:
        network: names hidden values.
        codes: uint8[N, C, rows, columns], all values; L + 1 where there is no cell.
        planes: label maps.
        hidden: bool, of the shape of the codes; none where there is no cell.
        sub_key: of all frames.
        shown: the values that are shown, where they are not those of the codes.
    """
    levels = network.shape.levels
    shown = (codes if shown is None else shown).masked_fill(hidden, levels)
    logits: Tensor = network(shown, planes, sub_key)
    losses = functional.cross_entropy(logits.transpose(1, 2), codes.long() % levels, reduction="none")
    return (losses * hidden).flatten(1).sum(1) / hidden.flatten(1).sum(1).clamp(min=1)
