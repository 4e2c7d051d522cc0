#!/usr/bin/env bash
# FFmpeg writes and reads MP4 with the durations of frames in the order of decoding. Where frames are reordered
# (B-frames) and their times are uneven, a frame has the duration of another, and the file the length of the wrong frames:
# less than the time of its last frame. Times are right. Such films are those of cameras and recorders that leave out
# frames while nothing moves. Matroska, which stores the duration beside the frame, has both right.
#
# Version: av (PyAV) 18.1.0, which brings libavformat 62.12.102; the encoder is told all durations (frame_duration).
# Expected: of 96 frames at 10 a second, a still minute, and one frame more, the 96th lasts 60.1 s, the film 69.7 s.
# Seen: in MP4 it lasts 0.1 s, and film and stream last 9.7 s; without B-frames, and in Matroska, all is as expected.
# Who is hurt: whoever weights by the duration of a frame (time in view, time observed), seeks or plans by the length of
# the film, or holds a film that goes on past its length for damaged.
# What helps: a frame lasts until the time of the next; read to the end, and take no length for granted.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6
cat > look.py <<'PY'
from fractions import Fraction

import av
import numpy as np
from av.codec.context import Flags

TICK = Fraction(1, 1000)
TIMES = [100 * number for number in range(96)] + [69600]
LAST = dict(zip(TIMES, [later - time for time, later in zip(TIMES, TIMES[1:])] + [100], strict=True))


def image(number):
    """Return noise, but for each third frame, which is flat: then the encoder reorders at the end of the film, too."""
    if number % 3 == 0:
        return np.full((48, 64, 3), number, np.uint8)
    return np.random.default_rng(number).integers(0, 255, (48, 64, 3)).astype(np.uint8)


def film(name, b_frames):
    """Write a film with a still minute; return the durations by the times of frames, and its length, in milliseconds."""
    with av.open(name, "w") as output:
        options = {"bf": str(b_frames), "g": "1000"}
        stream = output.add_stream("libx264", rate=10, width=64, height=48, pix_fmt="yuv420p", options=options)
        stream.codec_context.time_base = TICK
        stream.codec_context.flags |= Flags.frame_duration
        for number, time in enumerate(TIMES):
            frame = av.VideoFrame.from_ndarray(image(number), format="rgb24")
            frame.pts, frame.time_base, frame.duration = time, TICK, LAST[time]
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    with av.open(name) as container:
        scale = container.streams.video[0].time_base / TICK
        durations = {int(frame.pts * scale): int(frame.duration * scale) for frame in container.decode(video=0)}
        return durations, container.duration // 1000


for name, b_frames in (("a.mkv", 2), ("b.mp4", 0), ("c.mp4", 2)):
    durations, length = film(name, b_frames)
    print(f"{name}, {b_frames} B-frames: last frame at {max(durations)} ms, the one before lasts {durations[9500]} ms,",
          f"the film {length} ms")
    assert list(durations) == TIMES
    if name == "c.mp4":
        assert durations[9500] == 100 and length == 9700, (durations, length)
    else:
        assert durations == LAST and length == 69700, (durations, length)
PY
venv/bin/python look.py || { echo "CHANGED: FFmpeg behaves otherwise than this says" >&2; exit 1; }
echo "as stated"
