"""Label sidecars of videos: the nearest annotated moment, and wrong rows by line."""

import pytest

from raypp.errors import LabelError
from raypp.media.sidecar import read_sidecar

_HEADER = "time_s,class,x,y,w,h\n"


def test_boxes_belong_to_the_nearest_moment_within_tolerance() -> None:
    sidecar = read_sidecar(
        "\ufeff" + _HEADER + "1,saw,.5,.5,.1,.1\n0.5,hammer,.2,.2,.1,.1\n1.0,hammer,.3,.3,.1,.1\n2,,,,,\n", "w.csv"
    )
    assert sidecar.classes == {"hammer", "saw"}
    assert [name for name, _ in sidecar.boxes_at(980_000, 50_000) or ()] == ["saw", "hammer"]
    assert [name for name, _ in sidecar.boxes_at(500_000, 0) or ()] == ["hammer"]
    assert sidecar.boxes_at(2_010_000, 20_000) == (), "looked at and empty"
    assert sidecar.boxes_at(1_500_000, 100_000) is None, "not looked at"


@pytest.mark.parametrize(("text", "named"), [
    ("time,class\n", "must begin with the header"),
    (_HEADER + "x,saw,.5,.5,.1,.1\n", "w.csv:2: time 'x'"),
    (_HEADER + "nan,saw,.5,.5,.1,.1\n", "w.csv:2: time 'nan'"),
    (_HEADER + "-1,saw,.5,.5,.1,.1\n", "before the video's start"),
    (_HEADER + "1,saw,.5,.5\n", "w.csv:2: 4 columns"),
    (_HEADER + "1,,.5,.5,.1,.1\n", "without a class"),
    (_HEADER + "1,saw,.95,.5,.2,.1\n", "outside the image"),
    (_HEADER + '1,"' + "a" * 200_000 + '",.5,.5,.1,.1\n', "is no CSV"),
])  # fmt: skip
def test_a_wrong_sidecar_names_file_and_line(text: str, named: str) -> None:
    with pytest.raises(LabelError) as caught:
        read_sidecar(text, "w.csv")
    assert named in str(caught.value)
