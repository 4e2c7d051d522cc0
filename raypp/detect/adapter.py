"""The adapter: from the codes of a veil to the features that a detector's trunk expects."""

import torch
from torch import Tensor, nn

_HIDDEN = 64


class CodeAdapter(nn.Module):
    """Learns the way back from folded codes into a trunk.

    A fold is not monotone, so a code value is a name rather than an amount: each value of each channel has weights of
    its own (a 1x1 convolution of the one-hot values), and only then do neighbouring cells mix.

    Args:
        channels: code values per cell, C.
        levels: distinct code values, 2**bits.
        upsample: how many times finer than the grid of cells the features are (2 for a patch of 16, else 1).
        features: channels of the features.
        hidden: width between the two convolutions.
    """

    def __init__(self, channels: int, levels: int, upsample: int, features: int, hidden: int = _HIDDEN) -> None:
        super().__init__()
        self.channels, self.levels = channels, levels
        self.embed = nn.Conv2d(channels * levels, hidden * upsample**2, 1, bias=False)
        self.norm = nn.BatchNorm2d(hidden * upsample**2)
        self.shuffle = nn.PixelShuffle(upsample) if upsample > 1 else nn.Identity()
        self.mix = nn.Conv2d(hidden, features, 3, padding=1, bias=False)
        self.mix_norm = nn.BatchNorm2d(features)
        self.act = nn.SiLU(inplace=True)

    def forward(self, codes_NCGG: Tensor) -> Tensor:
        """Turn codes, integers in [0, levels) of shape [N, C, G, G], into features of the trunk's type."""
        values = torch.arange(self.levels, device=codes_NCGG.device, dtype=codes_NCGG.dtype)
        one_hot = (codes_NCGG[:, :, None] == values[:, None, None]).flatten(1, 2).to(self.embed.weight.dtype)
        hidden = self.shuffle(self.act(self.norm(self.embed(one_hot))))
        features: Tensor = self.act(self.mix_norm(self.mix(hidden)))
        return features
