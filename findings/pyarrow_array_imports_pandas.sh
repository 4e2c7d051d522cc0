#!/usr/bin/env bash
# pyarrow imports pandas, where it is installed, at the first `pyarrow.array` of a process, even for a list of integers
# that has nothing to do with pandas. It took half a second of CPU and 53 MB where this was found.
#
# Version: pyarrow 26.0.1, pandas 3.1.1.
# Expected: pandas is imported when something of pandas is given.
# Seen: `pyarrow.array([1, 2])`, `pyarrow.table` of lists and `Table.from_pylist` import it; `Array.from_buffers`,
# `take`, `cast` and writing Parquet do not.
#
# Exits with 1 if pyarrow behaves otherwise.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyarrow==26.0.1 pandas==3.1.1
cat > look.py <<'PY'
import subprocess
import sys

AFTER = "; import sys; print('pandas' in sys.modules)"
MADE = "import array, pyarrow as pa; b = pa.py_buffer(array.array('q', [1, 2])); x = pa.Array.from_buffers(pa.int64(), 2, [None, b])"
IMPORTING = ["import pyarrow as pa; pa.array([1, 2])", "import pyarrow as pa; pa.table({'a': [1]})",
             "import pyarrow as pa; pa.Table.from_pylist([{'a': 1}])"]
SPARING = ["import pyarrow", MADE, MADE + "; x.cast(pa.float64())",
           MADE + "; import pyarrow.parquet as pq; pq.write_table(pa.Table.from_arrays([x], ['a']), 'a.parquet')"]


def imports_pandas(code):
    done = subprocess.run([sys.executable, "-c", code + AFTER], capture_output=True, text=True, check=True)
    print(f"{code!r}: pandas imported: {done.stdout.strip()}")
    return done.stdout.strip() == "True"


assert all([imports_pandas(code) for code in IMPORTING])
assert not any([imports_pandas(code) for code in SPARING])
PY
venv/bin/python look.py || { echo "pyarrow behaves otherwise than this says" >&2; exit 1; }
