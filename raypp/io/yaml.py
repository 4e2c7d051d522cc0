"""The one reader of YAML: bounded, without code, and as people mean it.

`no` is a name and `22:00` a time, as in YAML 1.2, and no key stands twice. Aliases are counted as what they stand for,
so that a few lines cannot stand for billions of values.
"""

import re
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.constructor import ConstructorError, SafeConstructor
from yaml.resolver import Resolver

from raypp.errors import ContentError
from raypp.io.content import to_text

MOST_BYTES = 1_000_000
MOST_VALUES = 50_000
MOST_DEPTH = 32
_LONGEST_REASON = 300

_BOOLEAN = "tag:yaml.org,2002:bool"
_INTEGER = "tag:yaml.org,2002:int"
_MERGE = "tag:yaml.org,2002:merge"
_GUESSED = {_BOOLEAN, _INTEGER, "tag:yaml.org,2002:timestamp"}
_TAGS = {None, "!", "tag:yaml.org,2002:str"}
# libyaml where it is there: it is five times as fast, and the composer below keeps the bounds in both cases.
_PARSER: tuple[type[Any], ...] = (
    (yaml.cyaml.CParser,)  # type: ignore[attr-defined, unused-ignore]
    if yaml.__with_libyaml__
    else (yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser)
)


class _BoundedComposer(Composer):
    """Composes nodes within bounds of number and depth; an alias counts as all that it stands for."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = self._values = 0
        self._sizes: dict[int, int] = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose one node and all below it."""
        event = self.peek_event()  # type: ignore[attr-defined]
        before = self._values
        if isinstance(event, yaml.AliasEvent):
            node = super().compose_node(parent, index)
            if id(node) not in self._sizes:
                raise _refused(event, f"alias {event.anchor!r} stands for itself")
            self._count(event, self._sizes[id(node)])
            return node
        if event.tag not in _TAGS:
            raise _refused(event, f"tag {event.tag!r}, which is read nowhere here; write the plain value")
        self._count(event, 1)
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise _refused(event, f"nested deeper than {MOST_DEPTH} levels")
        node = super().compose_node(parent, index)
        self._depth -= 1
        self._sizes[id(node)] = self._values - before
        return node

    def _count(self, event: Any, values: int) -> None:
        self._values += values
        if self._values > MOST_VALUES:
            raise _refused(event, f"more than {MOST_VALUES:,} values")


class _Constructor(SafeConstructor):
    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Construct a whole number, in decimal whatever it begins with."""
        return int(node.value)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Construct a mapping whose keys are all different."""
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == _MERGE:
                continue
            key = self.construct_object(key_node, deep=True)
            if str(key) in seen:
                raise ConstructorError(None, None, f"{key!r} stands twice (line {key_node.start_mark.line + 1})", None)
            seen.add(str(key))
        return super().construct_mapping(node, deep)


_Constructor.add_constructor(_INTEGER, _Constructor.construct_yaml_int)  # type: ignore[type-var]


class _AsMeant(Resolver):
    """Plain values are of the types that YAML 1.2 gives them, without what YAML 1.1 guesses."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own class attribute
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in _GUESSED]
        for first, resolvers in Resolver.yaml_implicit_resolvers.items()
    }


_AsMeant.add_implicit_resolver(_BOOLEAN, re.compile("^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
_AsMeant.add_implicit_resolver(_INTEGER, re.compile("^[-+]?[0-9]+$"), list("-+0123456789"))


class _AsWritten(Resolver):
    """Plain values are the text that was written; `<<` is a key like any other."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own class attribute


def _loader(resolver: type[Resolver]) -> type[Any]:
    def start(self: Any, text: str) -> None:
        if yaml.__with_libyaml__:
            _PARSER[0].__init__(self, text)
        else:
            yaml.reader.Reader.__init__(self, text)
            yaml.scanner.Scanner.__init__(self)
            yaml.parser.Parser.__init__(self)
        _BoundedComposer.__init__(self)
        _Constructor.__init__(self)
        resolver.__init__(self)

    return type("_Loader", (_BoundedComposer, *_PARSER, _Constructor, resolver), {"__init__": start})


_TYPED, _TEXTS = _loader(_AsMeant), _loader(_AsWritten)


def read_yaml(content: str | bytes, *, as_written: bool = False) -> Any:
    """Read one YAML document into dicts, lists, strings, numbers, booleans and None.

    Args:
        content: the document; bytes are UTF-8.
        as_written: leave plain values as the text that stands there: `012`, `no` and `1.0` are strings, keys too.

    Raises:
        ContentError: if it is too long, too deep, holds too many values, is no YAML, or has a key twice; the text says
            what and where within the document, for the file's name to be put before it.
    """
    text = to_text(content) if isinstance(content, bytes) else content
    if len(text) > MOST_BYTES:
        raise ContentError(f"is longer than {MOST_BYTES:,} characters")
    try:
        return yaml.load(text, Loader=_TEXTS if as_written else _TYPED)  # noqa: S506 - built on the safe constructor
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        words = " ".join(str(error).split()).replace('"<unicode string>", ', "") or type(error).__name__
        raise ContentError(f"is no YAML: {words[:_LONGEST_REASON]}") from None


def _refused(event: Any, reason: str) -> yaml.YAMLError:
    return yaml.YAMLError(f"{reason} (line {event.start_mark.line + 1})")
