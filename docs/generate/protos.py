"""The reference of the gRPC contract, from the comments of protos/raypp.proto."""

import re
from pathlib import Path

PROTO = Path(__file__).parents[2] / "protos" / "raypp.proto"
_FIELD = re.compile(r"^(?P<type>(?:repeated |stream )?[\w.]+) (?P<name>\w+) = (?P<number>\d+);")
_METHOD = re.compile(r"^rpc (?P<name>\w+)\((?P<asks>[\w ]+)\) returns \((?P<answers>[\w ]+)\);")
_VALUE = re.compile(r"^(?P<name>[A-Z0-9_]+) = (?P<number>\d+);")


def page() -> str:
    """Return the page as Markdown: the contract's own words, then each service, message and enum."""
    head, body = PROTO.read_text().split("syntax =", 1)
    lines = ["# gRPC", "", *[line.removeprefix("//").strip() for line in head.strip().splitlines()]]
    comment: list[str] = []
    for raw in body.splitlines()[1:]:
        line = raw.strip()
        if line.startswith("//"):
            comment.append(line.removeprefix("//").strip())
            continue
        said, comment = " ".join(comment), []
        if block := re.match(r"^(service|message|enum) (\w+) \{", line):
            lines += ["", f"## {block[1]} {block[2]}", *(["", said] if said else [])]
        elif block := re.match(r"^oneof (\w+) \{", line):
            lines += ["", f"One of `{block[1]}`:"]
        elif one := _METHOD.match(line):
            lines += ["", f"`{one['name']}`: {one['asks']} → {one['answers']}", f":   {said or 'See its messages.'}"]
        elif one := _VALUE.match(line) or _FIELD.match(line):
            kind = f", {one['type']}" if "type" in one.groupdict() else ""
            lines += ["", f"`{one['name']}` ({one['number']}{kind})", f":   {said or 'As its name says.'}"]
    return "\n".join(lines) + "\n"
