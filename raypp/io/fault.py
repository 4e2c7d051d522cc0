"""What is wrong with a document, in one line."""

from pydantic import ValidationError

from raypp.text.names import printable

_LONGEST_FIELD, _LONGEST_REASON = 80, 200


def first_fault(error: ValidationError) -> str:
    """Return the first fault of a document as "field: reason", in one line and without the value that stands there."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"])[:_LONGEST_FIELD] or "the document"
    reason = " ".join(first["msg"].removeprefix("Value error, ").split())[:_LONGEST_REASON]
    return printable(f"{field}: {reason}")
