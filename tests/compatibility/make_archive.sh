#!/usr/bin/env bash
# Made archive/ and keys/ with commit 2e2db3b. Run in a checkout of that commit: bash make_archive.sh OUT
set -euo pipefail
out=$(realpath -m "$1") raypp=$PWD/.venv/bin/raypp
mkdir -p "$out/archive/sources" "$out/keys"
.venv/bin/python - "$out/archive/sources" <<'PYTHON'
import sys
from pathlib import Path

from tests.films import make_dataset, make_film

sources = Path(sys.argv[1])
make_film(sources / "gate" / "video.mp4", seconds=2)
(sources / "gate" / "video.labels.csv").write_text("time_s,class,x,y,w,h\n0.5,saw,0.5,0.5,0.2,0.4\n")
make_dataset(sources / "tools", count=3)
PYTHON

cd "$out/keys"
echo 'a phrase of the tests' > phrase.txt && chmod 600 phrase.txt
"$raypp" keygen --out owner.key
"$raypp" keygen --out wrapped.key --passphrase-file phrase.txt
"$raypp" keygen --out next.key --next-epoch owner.key
"$raypp" keygen --out site.key --key owner.key --site plant-1 --camera gate --camera bench-1
"$raypp" keygen --out data.key --data

cd "$out/archive"
veil=("$raypp" veil sources --size 96 --fps 2 --site plant-1 --key ../keys/owner.key --workers 0)
"${veil[@]}" --out veiled
"$raypp" split veiled --name by-source --labels tools-v1 --by source --val 0.4
"${veil[@]}" --out encrypted --data-key ../keys/data.key
