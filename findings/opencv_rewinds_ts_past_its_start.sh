#!/usr/bin/env bash
# In an MPEG transport stream, cv2.VideoCapture set to frame 0 reads frame 8 or 12, and set to frame 5 reads later ones,
# too: what stands in the first group of pictures cannot be reached by its number any more. `set` returns True, and
# POS_FRAMES names neither what was asked for nor what is read. Readers on top of it (supervision's
# get_video_frames_generator with `start`) pass that on.
#
# Version: opencv-python-headless 5.0.0.93, av 18.1.0 (writes the files), supervision 0.31.2.
# Expected: after `set(CAP_PROP_POS_FRAMES, 0)`, `read` gives the first frame again, or `set` returns False.
# Seen: H.264 in MPEG-TS, 60 frames, key frames each 12: 0 gives 8 (POS_FRAMES 0), 5 gives 9 (POS_FRAMES 8); MPEG-2 in
# MPEG-TS: 0 gives 12. The same
# frames as MP4 are right. Not set at all, the capture reads 0, 1, 2, ...
# Who is hurt: recorders write transport streams (also the segments of HLS). Whoever looks at a frame, rewinds and then
# processes the film loses its beginning; frames labelled by number are others than those that were seen.
# What helps: open the file anew in place of rewinding, and count frames from its beginning; or remux to MP4 first.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check \
    opencv-python-headless==5.0.0.93 av==18.1.0 supervision==0.31.2 numpy==2.4.6
cat > look.py <<'PY'
from fractions import Fraction

import av
import cv2
import numpy as np
import supervision

WIDE = 24


def drawn(number):
    """Draw a number below 64 as six bars, dark or bright."""
    image = np.zeros((96, 160, 3), np.uint8)
    for bit in range(6):
        image[:, bit * WIDE + 8 : bit * WIDE + 28] = 255 * (number >> bit & 1)
    return image


def number_of(image):
    bars = image[28:68].mean(axis=(0, 2))
    return sum(1 << bit for bit in range(6) if bars[bit * WIDE + 14 : bit * WIDE + 22].mean() > 128)


def write(path, codec):
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 160, 96, "yuv420p", 12
        stream.codec_context.max_b_frames = 2
        for number in range(60):
            frame = av.VideoFrame.from_ndarray(drawn(number), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def begun(path):
    """Read the first three frames of a capture that is not set to any."""
    capture = cv2.VideoCapture(path)
    return [number_of(capture.read()[1]) for _ in range(3)]


def at(path, number):
    capture = cv2.VideoCapture(path)
    assert capture.set(cv2.CAP_PROP_POS_FRAMES, number)
    position = int(capture.get(cv2.CAP_PROP_POS_FRAMES))
    return number_of(capture.read()[1]), position


def table(path):
    assert begun(path) == [0, 1, 2]
    seen = {number: at(path, number) for number in (0, 5, 30)}
    print(path, "set to, then read and POS_FRAMES:", seen)
    return seen


assert table(write("h264.mp4", "libx264")) == {0: (0, 0), 5: (5, 5), 30: (30, 30)}
h264 = table(write("h264.ts", "libx264"))
assert h264[0] == (8, 0) and h264[5] == (9, 8), h264
mpeg2 = table(write("mpeg2.ts", "mpeg2video"))
assert mpeg2[0] == (12, 0) and mpeg2[5] == (13, 12), mpeg2
first = number_of(next(iter(supervision.get_video_frames_generator("h264.ts", start=1))))
print("supervision, start=1:", first)
assert first > 1
PY
venv/bin/python look.py 2>err || { cat err >&2; echo "CHANGED: OpenCV behaves otherwise than this says" >&2; exit 1; }
echo "as stated"
