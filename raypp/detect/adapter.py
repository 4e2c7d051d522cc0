"""The adapter: from the codes of a veil to the features that a detector's trunk expects."""

import torch
from torch import Tensor, nn

_HIDDEN = 64


class CodeAdapter(nn.Module):
    """Learns the way back from folded codes into a trunk.

    A fold is not monotone, so a code value is a name rather than an amount: each value of each channel has weights of
    its own (a 1x1 convolution of the one-hot values), under each sub-key its own; only then do neighbouring cells mix.

    The last normalisation has the name that it has in the layer whose place the adapter takes, so that its public
    weights load and the trunk is fed with the means and spreads that it was trained on.

    Args:
        channels: code values per cell, C.
        levels: distinct code values, 2**bits.
        sub_keys: number of sub-keys told apart; 1 treats all alike.
        upsample: how many times finer than the grid of cells the features are (2 for a patch of 16, else 1).
        features: channels of the features.
        hidden: width between the two convolutions.
    """

    def __init__(
        self, channels: int, levels: int, sub_keys: int, upsample: int, features: int, hidden: int = _HIDDEN
    ) -> None:
        super().__init__()
        self.channels, self.levels, self.sub_keys = channels, levels, sub_keys
        self.width = hidden * upsample**2
        self.embed = nn.Conv2d(channels * levels, self.width * sub_keys, 1, bias=False)
        self.norm = nn.BatchNorm2d(self.width)
        self.shuffle = nn.PixelShuffle(upsample) if upsample > 1 else nn.Identity()
        self.mix = nn.Conv2d(hidden, features, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(features)
        self.act = nn.SiLU(inplace=True)

    def forward(self, codes_NCGG: Tensor) -> Tensor:
        """Turn codes, uint8[N, C + 1, G, G] with sub-keys in the last plane, into features of the trunk's type."""
        codes, sub_key_N1GG = codes_NCGG[:, : self.channels], codes_NCGG[:, self.channels :]
        values = torch.arange(self.levels, device=codes.device, dtype=codes.dtype)
        one_hot = (codes[:, :, None] == values[:, None, None]).flatten(1, 2).to(self.embed.weight.dtype)
        embedded = self.embed(one_hot)
        if self.sub_keys > 1:
            # NO_CELL has no values set, so that whichever weights it takes give nothing.
            chosen = sub_key_N1GG.long().clamp(max=self.sub_keys - 1)[:, None].expand(-1, -1, self.width, -1, -1)
            embedded = embedded.unflatten(1, (self.sub_keys, self.width)).gather(1, chosen).squeeze(1)
        return self.features(embedded)

    def features(self, embedded_NWGG: Tensor) -> Tensor:
        """Turn embedded codes, what `embed` makes of one-hot values under one sub-key, into features."""
        hidden = self.shuffle(self.act(self.norm(embedded_NWGG)))
        features: Tensor = self.act(self.bn(self.mix(hidden)))
        return features
