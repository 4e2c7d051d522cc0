"""The report of a count, for the owner's eyes: one HTML file with the images in it, which loads nothing."""

import base64
import io
from dataclasses import dataclass
from typing import Any

from PIL import Image

from raypp.counting.counter import ImageCount
from raypp.counting.plain_image import PlainImage
from raypp.counting.summary import CountSummary
from raypp.web.assets import source_digest, static_file
from raypp.web.templating import environment, own_html

REPORT_FILE = "report.html"
_PACKAGE = "raypp.counting"
_WIDTH = 640
_QUALITY = 82
_BAR_WIDTH, _BAR_HEIGHT = 14, 60


@dataclass(frozen=True)
class ReportImage:
    """An image of a report.

    Attributes:
        count: what was counted on it.
        jpeg: small copy of it, base64.
    """

    count: ImageCount
    jpeg: str

    @classmethod
    def of(cls, image: PlainImage, count: ImageCount) -> "ReportImage":
        """Make a small copy of an image."""
        small = Image.fromarray(image.pixels_HW3)
        small.thumbnail((_WIDTH, _WIDTH))
        content = io.BytesIO()
        small.save(content, "JPEG", quality=_QUALITY)
        return cls(count, base64.b64encode(content.getvalue()).decode())


def count_report(summary: CountSummary, images: list[ReportImage]) -> str:
    """Return the report as HTML.

    Args:
        summary: over all images.
        images: in the order in which they are shown.
    """
    style = static_file(_PACKAGE, "report.css")
    template = environment(_PACKAGE).get_template(f"{_PACKAGE}/report.html")
    return template.render(
        summary=summary,
        images=images,
        bars=[_bars(total.histogram) for total in summary.classes],
        names=[total.name for total in summary.classes],
        css=own_html(style),
        policy=f"default-src 'none'; style-src {source_digest(style)}; img-src data:",
    )


def _bars(histogram: tuple[int, ...]) -> list[dict[str, Any]]:
    most = max(histogram, default=0)
    return [
        {
            "x": number * _BAR_WIDTH,
            "y": _BAR_HEIGHT - _BAR_HEIGHT * count / most,
            "height": _BAR_HEIGHT * count / most,
            "count": count,
        }
        for number, count in enumerate(histogram)
        if most
    ]
