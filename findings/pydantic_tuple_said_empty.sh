#!/usr/bin/env bash
# pydantic says of a tuple with a least length that it is empty as well, where its only item is not valid: it counts the
# items that passed. A list with the same bounds and the same content has the one error that it deserves.
#
# Version: pydantic 2.14.3.
# Expected: one error, on the item, as for a list; the input has as many items as it must have.
# Seen: a second error, `too_short`: "Tuple should have at least 1 item after validation, not 0".
#
# Exits with 1 if pydantic behaves otherwise.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pydantic==2.14.3
cat > look.py <<'PY'
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

Name = Annotated[str, Field(pattern="^[a-z]+$")]


def errors(kind):
    try:
        TypeAdapter(Annotated[kind, Field(min_length=1)]).validate_json('["Bad"]')
    except ValidationError as error:
        found = [fault["type"] for fault in error.errors()]
        print(kind, found)
        return found


assert errors(list[Name]) == ["string_pattern_mismatch"]
assert errors(tuple[Name, ...]) == ["string_pattern_mismatch", "too_short"]
PY
venv/bin/python look.py || { echo "pydantic behaves otherwise than this says" >&2; exit 1; }
