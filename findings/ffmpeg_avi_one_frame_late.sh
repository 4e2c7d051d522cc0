#!/usr/bin/env bash
# FFmpeg gives frames of H.264 in AVI presentation times that are late by as many frames as the stream might reorder,
# although it reorders none: the first picture of a stream without B-frames is at 1 frame, not at 0. AVI stores no
# presentation times; the numbers of the packets as coded, in order, are right.
#
# Version: av (PyAV) 18.1.0, which brings libavformat 62.12.102.
# Expected: frames at 0, 1, 2 ...; that is what the same stream has in Matroska.
# Seen: frames at 1, 2, 3 ... in AVI, packets at dts 0, 1, 2 ...
#
# Exits with 1 if FFmpeg behaves otherwise.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6
cat > look.py <<'PY'
import av
import numpy as np


def numbers(name):
    with av.open(name, "w") as made:
        stream = made.add_stream("libx264", rate=5, width=64, height=48, pix_fmt="yuv420p", options={"bf": "0"})
        for number in range(20):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 5 * number, np.uint8), format="rgb24")
            made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    packets, frames = [], []
    with av.open(name) as given:
        stream = given.streams.video[0]
        for packet in given.demux(stream):
            if packet.size:
                packets.append(round(packet.dts * stream.time_base * 5))
            frames += [round((frame.pts - stream.start_time) * stream.time_base * 5) for frame in packet.decode()]
    return packets, frames


avi, mkv = numbers("film.avi"), numbers("film.mkv")
print("AVI: packets", avi[0][:4], "frames", avi[1][:4], "; Matroska: frames", mkv[1][:4])
assert avi == (list(range(20)), list(range(1, 21))) and mkv[1] == list(range(20))
PY
venv/bin/python look.py || { echo "FFmpeg behaves otherwise than this says" >&2; exit 1; }
