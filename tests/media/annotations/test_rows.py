"""Rows of YOLO label files: each kind read as what it is, and never as another."""

import pytest

from raypp.errors import LabelError
from raypp.geometry.boxes import Box
from raypp.media.annotations.rows import LabelTask, RowFormat, is_label_row, parse_labels

POSE = RowFormat(LabelTask.POSE, 8)
POINTS = "0.45 0.35 0.55 0.35 0.45 0.65 0.55 0.65"


def _near(*numbers: float) -> Box:
    return Box(*(pytest.approx(number) for number in numbers))


def test_boxes_and_polygons() -> None:
    text = "1 0.5 0.5 0.2 0.4\n\n0 0.1 0.1 0.3 0.1 0.2 0.5\n0 0.0005 0.5 0.002 0.2\n"
    labels = parse_labels(text, ("a", "b"), "x.txt")
    assert labels.boxes[0] == _near(1, 0.5, 0.5, 0.2, 0.4)
    assert labels.boxes[1] == _near(0, 0.2, 0.3, 0.2, 0.4)
    assert labels.boxes[2].x - labels.boxes[2].w / 2 == 0, "overshoot of a thousandth is clipped"
    assert labels.clipped == 0, "and no more than rounding"


def test_a_box_that_overshoots_by_little_is_clipped_and_counted() -> None:
    labels = parse_labels("0 0.9 0.5 0.21 0.2\n", ("a",), "x.txt")
    assert labels.boxes == (_near(0, 0.8975, 0.5, 0.205, 0.2),)
    assert labels.clipped == 1


def test_classes_written_as_numbers_with_a_point_are_read() -> None:
    assert parse_labels("1.0 0.5 0.5 0.2 0.4\r\n", ("a", "b"), "x.txt").boxes[0].class_id == 1


def test_a_row_that_stands_twice_counts_once() -> None:
    labels = parse_labels("0 0.5 0.5 0.2 0.4\n0 0.50 0.50 0.20 0.40\n0 0.5 0.5 0.2 0.3\n", ("a",), "x.txt")
    assert (len(labels.boxes), labels.repeated) == (2, 1)


def test_key_points_that_are_declared_are_passed_by() -> None:
    text = f"0 0.5 0.5 0.2 0.4 {POINTS}\n0 0.25 0.25 0.1 0.1\n"
    assert parse_labels(text, ("a",), "x.txt", POSE).boxes == (
        _near(0, 0.5, 0.5, 0.2, 0.4),
        _near(0, 0.25, 0.25, 0.1, 0.1),
    )


def test_corners_of_a_turned_box_may_lie_beyond_the_image() -> None:
    corners = "0 -0.1 0.5 0.1 0.3 0.3 0.5 0.1 0.7\n"
    labels = parse_labels(corners, ("a",), "x.txt", RowFormat(LabelTask.OBB))
    assert labels.boxes == (_near(0, 0.15, 0.5, 0.3, 0.4),)
    assert labels.clipped == 1
    with pytest.raises(LabelError, match="outside the image"):
        parse_labels(corners, ("a",), "x.txt")


def test_a_polygon_of_four_points_and_a_turned_box_have_the_same_box() -> None:
    row = "0 0.2 0.4 0.4 0.2 0.6 0.4 0.4 0.6\n"
    tasks = (None, LabelTask.SEGMENT, LabelTask.OBB, LabelTask.DETECT)
    assert {parse_labels(row, ("a",), "x.txt", RowFormat(task)).boxes for task in tasks} == {
        parse_labels(row, ("a",), "x.txt").boxes
    }
    assert parse_labels(row, ("a",), "x.txt").boxes == (_near(0, 0.4, 0.4, 0.4, 0.4),)


@pytest.mark.parametrize(("line", "rows", "named"), [
    ("7 0.5 0.5 0.1 0.1", None, "class index 7"),
    ("-1 0.5 0.5 0.1 0.1", None, "class index -1"),
    ("1.5 0.5 0.5 0.1 0.1", None, "'1.5'"),
    ("hammer 0.5 0.5 0.1 0.1", None, "'hammer'"),
    ("0 0.9 0.5 0.6 0.2", None, "outside the image"),
    ("0 320 240 64 48", None, "outside the image"),
    ("0 0.5 0.5 nan 0.2", None, "no number"),
    ("0 0.5 0.5 0 0.2", None, "no area"),
    ("0 0.5 0.5 0.1", None, "3 numbers"),
    ("0 0.5 0.5 0.1 x", None, "no number"),
    ("0 0.5 0.5 0.1 0.1 0.93", None, "confidence"),
    ("0 0.5 0.5 0.2 0.4 0.45 0.35 2 0.55 0.35 0", None, "declare kpt_shape"),
    ("0 0.5 0.5 0.2 0.4 0.45 0.35", POSE, "kpt_shape asks for 12"),
])  # fmt: skip
def test_a_wrong_row_names_file_and_line(line: str, rows: RowFormat | None, named: str) -> None:
    with pytest.raises(LabelError) as caught:
        parse_labels(f"0 0.5 0.5 0.1 0.1\n{line}\n", ("a", "b"), "x.txt", rows)
    assert "x.txt:2: " in str(caught.value)
    assert named in str(caught.value)


def test_rows_are_told_from_text() -> None:
    assert is_label_row("0 0.5 0.5 0.1 0.1")
    assert is_label_row("12.0 .5 .5 1e-1 0.1 0.2 0.3")
    assert not is_label_row("seen on Monday at 5")
    assert not is_label_row("images/train/a.jpg")
    assert not is_label_row("")
