"""Text that others wrote, as a terminal or a log may show it."""


def printable(text: str) -> str:
    """Return text as it may be shown: every character that is a control, or none at all, as its escape."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def printable_lines(text: str) -> str:
    """Return text whose lines are each `printable`."""
    return text if text.isprintable() else "\n".join(map(printable, text.split("\n")))
