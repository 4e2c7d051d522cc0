#!/usr/bin/env bash
# pyarrow's encryption of Parquet, with single wrapping and keys for columns, asks the key service five times for each
# column of each row group as it reads, although all of them have the same wrapped key, and whatever `cache_lifetime`
# says. Writing wraps it once for each column. With double wrapping, the default, reading asks twice for a file.
#
# Version: pyarrow 26.0.1.
# Expected: a wrapped key that was unwrapped is not asked for again within the lifetime of the cache.
# Seen: 13, 31 and 301 calls of `unwrap_key` for a file with two encrypted columns and 1, 3 and 30 row groups.
# Who is hurt: a key service that is asked over the network (a cloud's, an HSM): 20 ms a call make 6 s for one file of a
# few kilobytes, and services bill and limit their calls.
# What helps: double wrapping, or `uniform_encryption` (one call), or a cache by wrapped key in one's own KmsClient.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyarrow==26.0.1
cat > look.py <<'PY'
import base64
import datetime as dt

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe

LIFETIME = dt.timedelta(minutes=5)
calls = {"wrap": 0, "unwrap": 0}


class Counting(pe.KmsClient):
    """Stands for a key service, wraps by base64 alone, and counts what it is asked."""

    def wrap_key(self, key_bytes, master_key_identifier):
        calls["wrap"] += 1
        return base64.b64encode(key_bytes)

    def unwrap_key(self, wrapped_key, master_key_identifier):
        calls["unwrap"] += 1
        return base64.b64decode(wrapped_key)


def asked(groups, double, **keys):
    """Write and read a file of so many row groups, and return how often the service wrapped and unwrapped."""
    table = pa.table({"a": list(range(300)), "b": list(range(300))})
    calls.update(wrap=0, unwrap=0)
    connection = pe.KmsConnectionConfig()
    configuration = pe.EncryptionConfiguration(footer_key="main", double_wrapping=double, cache_lifetime=LIFETIME, **keys)
    properties = pe.CryptoFactory(lambda _: Counting()).file_encryption_properties(connection, configuration)
    with pq.ParquetWriter("file.parquet", table.schema, encryption_properties=properties) as writer:
        writer.write_table(table, row_group_size=300 // groups)
    reading = pe.CryptoFactory(lambda _: Counting())
    configuration = pe.DecryptionConfiguration(cache_lifetime=LIFETIME)
    properties = reading.file_decryption_properties(connection, configuration)
    assert pq.ParquetFile("file.parquet", decryption_properties=properties).read().equals(table)
    return calls["wrap"], calls["unwrap"]


columns = {"column_keys": {"columns": ["a", "b"]}}
single = [asked(groups, False, **columns) for groups in (1, 3, 30)]
double = [asked(groups, True, **columns) for groups in (1, 3, 30)]
uniform = [asked(groups, False, uniform_encryption=True) for groups in (1, 3, 30)]
print("1, 3 and 30 row groups: single wrapping", single, "double", double, "uniform", uniform)
assert single == [(3, 13), (3, 31), (3, 301)]
assert double == [(2, 2)] * 3
assert uniform == [(1, 1)] * 3
PY
venv/bin/python look.py || { echo "CHANGED: pyarrow behaves otherwise than this says" >&2; exit 1; }
echo "as stated"
