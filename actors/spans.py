"""Spans of a detector, and of who asks it."""

from collections.abc import Sequence

from raypp.io.tracing import SpanKind, TraceSpan, begin, is_on
from raypp.serving.model import FrameBlock, ServedModel

DETECT = "Detector/detect"
OF_DETECTOR = {"rpc.system.name": "ray", "rpc.method": DETECT}


class DetectionSpans:
    """Spans of blocks that are detected on together, each of its own trace. Use it with `with`.

    Args:
        blocks: the blocks.
        about: the model.
    """

    def __init__(self, blocks: Sequence[FrameBlock], about: ServedModel) -> None:
        self._spans: list[TraceSpan] = []
        if is_on():
            of_all = {**OF_DETECTOR, "raypp.model": about.model_id[:12], "raypp.engine": about.engine}
            together = sum(map(len, blocks))
            self._spans = [
                begin(
                    DETECT,
                    SpanKind.SERVER,
                    {**of_all, "raypp.frames": len(block), "raypp.frames_together": together},
                    block.traceparent,
                )
                for block in blocks
                if block.traceparent
            ]

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for span in self._spans:
            span.end(None if kind is None else kind.__name__)
