"""Numbers as people say them."""


def counted(number: int, noun: str) -> str:
    """Return a number and its noun, such as "1 shard", "2 stretches", "2 entries" or "1,200 frames"."""
    if number == 1:
        return f"1 {noun}"
    many = noun[:-1] + "ies" if noun.endswith("y") else noun + ("es" if noun.endswith(("ch", "x")) else "s")
    return f"{number:,} {many}"


def lasting(seconds: float) -> str:
    """Return a length of time, such as "30 s", "4 min" or "2.5 hours"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
