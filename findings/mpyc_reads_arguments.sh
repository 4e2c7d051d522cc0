#!/bin/bash
# MPyC reads the command line of whatever program imports it, and sets up that program's logging.
#
# mpyc 0.11: a program whose own option is -V ends while it imports `mpyc.runtime`: the version of MPyC is printed, and
# no line of the program after the import runs. An option such as -M is taken out of `sys.argv`, so the program's own
# parser never sees it. And the root logger gets a handler that writes to standard output at level INFO: lines of other
# libraries then stand in the middle of what the program prints.
#
# Seen with mpyc 0.11 on Python 3.11. What helps: import it in a process of its own, with `sys.argv` set before.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check mpyc==0.11

cat > "$work/program.py" <<'PY'
import logging
import sys

given = list(sys.argv[1:])
import mpyc.runtime  # noqa: E402

left = sys.argv[1:]
handlers = [(type(each).__name__, each.stream is sys.stdout) for each in logging.getLogger().handlers]
logging.getLogger("another.library").info("a line of another library")
print(f"given {given}, left {left}, handlers {handlers}")
PY
run() { "$work/venv/bin/python" "$work/program.py" "$@" 2>/dev/null; }

version=$(run -V); echo "with -V: $version"
[ "$version" = "MPyC 0.11" ] || { echo "CHANGED: -V of the program is its own now"; exit 1; }

kept=$(run --mine 1 -K 40); echo "with --mine 1 -K 40:"; echo "$kept"
grep -q "given \['--mine', '1', '-K', '40'\], left \['--mine', '1'\], handlers \[('StreamHandler', True)\]" <<<"$kept" \
  || { echo "CHANGED: arguments or logging are left alone now"; exit 1; }
grep -q "a line of another library" <<<"$kept" || { echo "CHANGED: INFO of other libraries is not printed"; exit 1; }
echo "as stated"
