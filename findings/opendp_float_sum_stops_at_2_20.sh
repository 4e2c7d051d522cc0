#!/usr/bin/env bash
# opendp's sum of floats, where the number of records is not given, adds a random 2**20 of them and leaves out the rest.
# `then_sum` and make_sum say nothing of a limit; that of integers has none. The noise is right for the data; the result
# is not: it looks like a private sum of all.
#
# Version: opendp 0.16.0.
# Expected: about 1500000 for 1500000 records of 1.0, as for integers, or an error that asks for the number of records.
# Seen: about 1048576, from the transformation as from the measurement with Laplace noise of scale 5.
# Who is hurt: sums and means of more than a million readings, such as seconds of use over a fleet: every total is low.
# What helps: count the records, and sum integers (milliseconds, say) or give the size: `vector_domain(..., size=n)`.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check opendp==0.16.0
cat > look.py <<'PY'
import opendp.prelude as dp

dp.enable_features("contrib")
COUNT = 1_500_000


def total(bounds, noise=None, **size):
    domain = dp.vector_domain(dp.atom_domain(bounds=bounds, nan=False), **size)
    summed = (domain, dp.symmetric_distance()) >> dp.t.then_sum()
    measure = summed if noise is None else summed >> dp.m.then_laplace(scale=noise)
    return measure([bounds[1]] * COUNT)


floats, noisy, sized = total((0.0, 1.0)), total((0.0, 1.0), noise=5.0), total((0.0, 1.0), size=COUNT)
integers = (dp.vector_domain(dp.atom_domain(bounds=(0, 1))), dp.symmetric_distance()) >> dp.t.then_sum()
whole = integers([1] * COUNT)
print("floats:", floats, "with noise:", round(noisy, 1), "floats, size given:", sized, "integers:", whole)
assert floats == 2**20
assert abs(noisy - 2**20) < 1000
assert sized == whole == COUNT
PY
venv/bin/python look.py || { echo "CHANGED: opendp behaves otherwise than this says" >&2; exit 1; }
echo "as stated"
