"""Numbers as people say them."""


def counted(number: int, noun: str) -> str:
    """Return a number and its noun, such as "1 shard", "2 stretches", "2 entries", "2 keys" or "1,200 frames"."""
    return f"1 {noun}" if number == 1 else f"{number:,} {_many(noun)}"


def lasting(seconds: float) -> str:
    """Return a length of time, such as "30 s", "4 min" or "2.5 hours"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def byte_size(size: float) -> str:
    """Return a number of bytes in units of 1000, such as "512 B", "2.3 kB" or "1.5 TB"."""
    units = ["B", "kB", "MB", "GB", "TB", "PB"]
    while size >= 999.5 and len(units) > 1:
        size /= 1000
        units.pop(0)
    unit = units[0]
    return f"{size:,.0f} {unit}" if unit == "B" or size >= 99.95 else f"{size:.1f} {unit}"


def _many(noun: str) -> str:
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("ch", "x")) else "s")
