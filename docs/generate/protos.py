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
        words, comment = " ".join(comment), []
        if block := re.match(r"^(service|message|enum) (\w+) \{", line):
            lines += ["", f"## {block[1]} {block[2]}", *(["", words] if words else [])]
        elif block := re.match(r"^oneof (\w+) \{", line):
            lines += ["", f"One of `{block[1]}`:"]
        elif entry := _METHOD.match(line):
            lines += [
                "",
                f"`{entry['name']}`: {entry['asks']} → {entry['answers']}",
                f":   {words or 'See its messages.'}",
            ]
        elif entry := _VALUE.match(line) or _FIELD.match(line):
            kind = f", {entry['type']}" if "type" in entry.groupdict() else ""
            lines += ["", f"`{entry['name']}` ({entry['number']}{kind})", f":   {words or 'As its name says.'}"]
    return "\n".join(lines) + "\n"
