"""The first fault of a document, in one line."""

from pydantic import ValidationError

from raypp.text.printable import printable

_LONGEST_FIELD, _LONGEST_REASON, _LONGEST_VALUE = 80, 200, 200


def first_fault(error: ValidationError, *, tagged: bool = False, value: bool = False) -> str:
    """Return the first fault of a document as "field: reason", in one line.

    Args:
        error: what the document's model says of it.
        tagged: whether the document is one of several kinds, whose name pydantic puts before each field.
        value: whether to show what stands there, as " (got 3)"; not where it may be a secret.
    """
    first = error.errors(include_url=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"][tagged:])[:_LONGEST_FIELD] or "the document"
    reason = " ".join(first["msg"].removeprefix("Value error, ").split())[:_LONGEST_REASON]
    got = f" (got {repr(first['input'])[:_LONGEST_VALUE]})" if value else ""
    return printable(f"{field}: {reason}{got}")
