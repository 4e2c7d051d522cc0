#!/usr/bin/env bash
# Readers that promise the n-th frame of a video by its number give other frames for usual files: an MP4 or AVI of MPEG-4
# part 2 with B-frames, as older cameras and recorders write. Each number gives a frame, and none is refused. Decoded from
# its beginning, each file has its 60 frames in order.
#
# Version: decord 0.6.0, imageio 2.38.1 (plugin pyav), PIMS 0.7 (PyAVReaderIndexed), av 18.1.0.
# Expected: reader[n] is the frame that comes n-th when the file is read from its beginning.
# Seen, in the MP4: decord gives frame 33 for 31 and 47 for 45, imageio and PIMS give 30 for 29. In the AVI: decord gives
# 20 for 30, imageio 12 for 13, PIMS 33 for 30. An answer also depends on what was asked before.
# Who is hurt: whoever draws single frames from films to label or to train: boxes of one moment land on another, and
# tools that move are off their boxes.
# What helps: read from the beginning and count (PyAV, OpenCV without seeking); or cut the film into images once; or
# compare a reader's frames with such a reading before one trusts it.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check av==18.1.0 decord==0.6.0 imageio==2.38.1 PIMS==0.7 numpy==2.4.6
cat > look.py <<'PY'
from fractions import Fraction

import av
import decord
import imageio.v3
import numpy as np
import pims

FRAMES, WIDE = 60, 24
ASKED = (0, 1, 2, 30, 31, 29, 13, 12, 11, 59, 58, 45, 46, 24, 23, 25, 5, 36)


def drawn(number):
    """Draw a number below 64 as six bars, dark or bright."""
    image = np.zeros((96, 160, 3), np.uint8)
    for bit in range(6):
        image[:, bit * WIDE + 8 : bit * WIDE + 28] = 255 * (number >> bit & 1)
    return image


def number_of(image):
    bars = np.asarray(image)[28:68].mean(axis=(0, 2))
    return sum(1 << bit for bit in range(6) if bars[bit * WIDE + 14 : bit * WIDE + 22].mean() > 128)


def write(path):
    with av.open(path, "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 160, 96, "yuv420p", 12
        stream.codec_context.max_b_frames = 2
        for number in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(drawn(number), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def by_decord(path):
    reader = decord.VideoReader(path, num_threads=1)
    return {number: number_of(reader[number].asnumpy()) for number in ASKED}


def by_imageio(path):
    with imageio.v3.imopen(path, "r", plugin="pyav") as reader:
        return {number: number_of(reader.read(index=number)) for number in ASKED}


def by_pims(path):
    reader = pims.PyAVReaderIndexed(path)
    return {number: number_of(reader[number]) for number in ASKED}


seen = {}
for path in ("film.mp4", "film.avi"):
    write(path)
    with av.open(path) as container:
        assert [number_of(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)] == list(range(FRAMES))
    for read in (by_decord, by_imageio, by_pims):
        other = {number: got for number, got in read(path).items() if got != number}
        seen[path, read.__name__] = other
        print(path, read.__name__, "of", len(ASKED), "frames", len(other), "are others:", other)
assert seen["film.mp4", "by_decord"][31] == 33 and seen["film.mp4", "by_decord"][45] == 47
assert seen["film.mp4", "by_imageio"][29] == seen["film.mp4", "by_pims"][29] == 30
assert seen["film.avi", "by_decord"][30] == 20 and seen["film.avi", "by_imageio"][13] == 12
assert seen["film.avi", "by_pims"][30] == 33
PY
venv/bin/python look.py 2>err || { cat err >&2; echo "CHANGED: a reader behaves otherwise than this says" >&2; exit 1; }
echo "as stated"
