#!/usr/bin/env bash
# fastparquet cuts zero bytes off the end of fixed-size binary values: codes, digests and embeddings of equal length come
# back shorter where they end in zeros, and a value of zeros alone comes back empty. pandas passes that on with
# engine="fastparquet". Columns of variable length are read as they were written.
#
# Version: fastparquet 2026.9.0, pandas 3.1.1, pyarrow 26.0.1 (writes the file).
# Expected: all values of a column of 4 bytes have 4 bytes, as pyarrow reads them.
# Seen: 01 02 00 00 comes back as 01 02, 00 00 00 00 as nothing; 00 00 00 05 is whole.
# Who is hurt: a frame whose last codes are 0 (a dark corner) has fewer codes than its grid; two digests that differ in
# zeros at their end become one; a join finds nothing.
# What helps: engine="pyarrow", or a column of variable length; `value.ljust(length, b"\0")` afterwards.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check \
    fastparquet==2026.9.0 pandas==3.1.1 pyarrow==26.0.1 numpy==2.4.6
cat > look.py <<'PY'
import pandas
import pyarrow
import pyarrow.parquet

given = [b"\1\2\0\0", b"\0\0\0\0", b"\0\0\0\5", None]
columns = {"fixed": pyarrow.array(given, pyarrow.binary(4)), "any": pyarrow.array(given, pyarrow.binary())}
pyarrow.parquet.write_table(pyarrow.table(columns), "codes.parquet")
seen = {engine: pandas.read_parquet("codes.parquet", engine=engine) for engine in ("pyarrow", "fastparquet")}
for engine, table in seen.items():
    print(engine, table.fixed.tolist(), table["any"].tolist())
assert seen["pyarrow"].fixed.tolist() == seen["pyarrow"]["any"].tolist() == seen["fastparquet"]["any"].tolist() == given
assert seen["fastparquet"].fixed.tolist() == [b"\1\2", b"", b"\0\0\0\5", None]
PY
venv/bin/python look.py 2>err || { cat err >&2; echo "CHANGED: fastparquet behaves otherwise than this says" >&2; exit 1; }
echo "as stated"
