"""The open stem of a detector: from images to levels of cells, and from those to the features of its trunk."""

from torch import Tensor, nn

from raypp.detect.adapter import CodeAdapter
from raypp.detect.encoder_kind import EncoderKind
from raypp.detect.inputs.code_input import CodeInput
from raypp.detect.integer_encoder import IntegerEncoder
from raypp.detect.level_encoder import LevelEncoder, first_stages
from raypp.detect.model import stages_at
from raypp.detect.quantise import one_hot_levels
from raypp.detect.ultralytics import DetectionModel


class OpenStem(nn.Module):
    """First layers by way of codes that no key has touched.

    Args:
        encoder: from images to levels.
        adapter: from one-hot levels to the features of the trunk; of one sub-key.
    """

    def __init__(self, encoder: LevelEncoder, adapter: CodeAdapter) -> None:
        super().__init__()
        self.encoder, self.adapter = encoder, adapter

    def forward(self, images_N3HW: Tensor) -> Tensor:
        """Turn images, float[N, 3, H, W] in [0, 1], into features of the trunk by way of their codes."""
        return self.adapted(one_hot_levels(self.encoder(images_N3HW), self.encoder.levels))

    def adapted(self, one_hot_N: Tensor) -> Tensor:
        """Turn one-hot levels, float[N, C * L, G, G], into features of the trunk."""
        return self.adapter.features(self.adapter.embed(one_hot_N))


def build_stem(model: DetectionModel, codes: CodeInput, kind: EncoderKind = EncoderKind.STAGES) -> tuple[OpenStem, int]:
    """Build a stem that fits in the place of a plain detector's first layers.

    Its encoder begins with copies of them, or is a chain of whole numbers that has learnt nothing yet.

    Args:
        model: the detector.
        codes: what the encoder gives.
        kind: what the encoder is built of.

    Returns:
        The stem, and the number of the last layer that it replaces.

    Raises:
        ModelError: if the first layers are no plain sequence.
    """
    levels = 1 << codes.bits
    last, wanted = stages_at(model, codes.stride)
    adapter = CodeAdapter(codes.channels, levels, 1, codes.patch // codes.stride, wanted)
    if kind is EncoderKind.INTEGER:
        return OpenStem(IntegerEncoder(codes.patch, codes.channels, levels), adapter), last
    stages, features = first_stages(model, codes.patch)
    return OpenStem(LevelEncoder(stages, features, codes.channels, levels), adapter), last
