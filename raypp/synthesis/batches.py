"""Batches of a generator: frames of one window and one sub-key, and which of their values are hidden."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from raypp.shards.schema import ArchiveHeader
from raypp.synthesis.frames import RealFrame
from raypp.synthesis.layout import COORDINATE_PLANES, BoxLayout, label_map

_WHOLE_CELLS = 0.25
"""Share of frames of which whole cells are hidden, in the place of values of cells."""


@dataclass(frozen=True)
class FrameTensors:
    """Some frames of one shape.

    Attributes:
        codes: uint8[N, C, rows, columns].
        planes: float32[N, K + 8, rows, columns], their label maps.
        sub_key: of all of them.
    """

    codes: Tensor
    planes: Tensor
    sub_key: int

    def __len__(self) -> int:
        return len(self.codes)


@dataclass(frozen=True)
class MapDrawer:
    """Draws label maps for the grid of an archive.

    Attributes:
        header: of the archive.
        classes: number of classes.
    """

    header: ArchiveHeader
    classes: int

    def planes(self, layouts: Sequence[BoxLayout]) -> Tensor:
        """Return the label maps of layouts with one window, float32[N, K + 8, rows, columns]."""
        header = self.header
        maps = [label_map(layout, layout.window(header.size, header.patch), self.classes) for layout in layouts]
        return torch.from_numpy(np.stack(maps))

    def unlabelled(self, planes: Tensor) -> Tensor:
        """Return label maps that say where a frame lies and nothing of its labels, and so differ from an empty layout.

        Args:
            planes: float32[N, K + 8, rows, columns], label maps; 0 where there is no cell.
        """
        bare = torch.zeros_like(planes)
        bare[:, self.classes] = -planes[:, self.classes]
        kept = [planes.shape[1] + place for place in COORDINATE_PLANES]
        bare[:, kept] = planes[:, kept]
        return bare

    def tensors(self, frames: Sequence[RealFrame]) -> FrameTensors:
        """Return frames of one window and sub-key as tensors."""
        codes = torch.from_numpy(np.stack([frame.codes_CRW for frame in frames]))
        return FrameTensors(codes, self.planes([frame.layout for frame in frames]), frames[0].layout.sub_key)


def grouped(frames: Sequence[RealFrame], size: int, generator: torch.Generator | None) -> Iterator[list[RealFrame]]:
    """Cut frames into batches of one shape of codes and one sub-key.

    Args:
        frames: all of them.
        size: most frames of a batch.
        generator: mixes frames and batches; None leaves their order.
    """
    groups: dict[tuple[object, ...], list[RealFrame]] = defaultdict(list)
    order = range(len(frames)) if generator is None else torch.randperm(len(frames), generator=generator).tolist()
    for number in order:
        frame = frames[number]
        groups[*frame.codes_CRW.shape, frame.layout.sub_key].append(frame)
    batches = [group[start : start + size] for group in groups.values() for start in range(0, len(group), size)]
    places = range(len(batches)) if generator is None else torch.randperm(len(batches), generator=generator).tolist()
    yield from (batches[place] for place in places)


def draw_hidden(codes: Tensor, generator: torch.Generator) -> Tensor:
    """Choose which values of each frame are hidden, bool of the codes' shape: from few to all, at least one."""
    count = len(codes)
    share = torch.cos(torch.rand(count, generator=generator) * (torch.pi / 2))
    by_value = torch.rand(codes.shape, generator=generator)
    by_cell = torch.rand((count, 1, *codes.shape[2:]), generator=generator).expand_as(by_value)
    whole = torch.rand(count, generator=generator) < _WHOLE_CELLS
    order = torch.where(whole[:, None, None, None], by_cell, by_value)
    hidden = order < share[:, None, None, None]
    first = order.flatten(1).argmin(1)
    hidden.flatten(1)[torch.arange(count), first] = True
    return hidden
