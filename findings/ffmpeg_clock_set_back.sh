#!/usr/bin/env bash
# FFmpeg takes the clock of an MPEG transport stream that was set back by more than a minute for a 33-bit counter
# that has overflown: what comes after it is stamped up to 26.5 hours ahead. Such files are what a camera leaves that
# started anew into the same recording. The option correct_ts_overflow=0 gives the times as they are stored.
#
# Version: av (PyAV) 18.1.0, which brings libavformat 62.12.102.
# Expected: after 3 s at 100 s, a second part at 1.4 s, or one that goes on; in no case hours ahead.
# Seen: the second part begins 95343 s ahead of the first frame; with correct_ts_overflow=0, 100 s before it.
#
# Exits with 1 if FFmpeg behaves otherwise.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6
cat > look.py <<'PY'
from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def part(name, begin_s):
    with av.open(name, "w") as made:
        stream = made.add_stream("libx264", rate=25, width=64, height=48, pix_fmt="yuv420p", options={"bf": "0"})
        stream.codec_context.time_base = Fraction(1, 1000)
        for number in range(75):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 2 * number, np.uint8), format="rgb24")
            frame.pts, frame.time_base = 1000 * begin_s + 40 * number, Fraction(1, 1000)
            made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    return Path(name).read_bytes()


def second_part_begins_at(options):
    with av.open("joined.ts", container_options=options) as given:
        stream = given.streams.video[0]
        times = [(frame.pts - stream.start_time) * stream.time_base for frame in given.decode(stream)]
    assert len(times) == 150
    return float(times[75])


Path("joined.ts").write_bytes(part("first.ts", 100) + part("second.ts", 0))
corrected, stored = second_part_begins_at({}), second_part_begins_at({"correct_ts_overflow": "0"})
print(f"corrected {corrected:.2f} s, as stored {stored:.2f} s after the first frame")
assert round(corrected) == 95344 and round(stored) == -100
PY
venv/bin/python look.py || { echo "FFmpeg behaves otherwise than this says" >&2; exit 1; }
