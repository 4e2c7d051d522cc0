"""Tools whose label documents are read and written."""

from enum import StrEnum


class LabelTool(StrEnum):
    """Format of a label document."""

    COCO = "coco"
    CVAT = "cvat"
    LABEL_STUDIO = "labelstudio"
