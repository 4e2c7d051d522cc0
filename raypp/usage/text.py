"""Reading YAML as people mean it: `no` is a name and `22:00` a time, as in YAML 1.2, and no key stands twice."""

import re

import yaml

from raypp.errors import SettingsError

MOST_CHARACTERS = 1_000_000

_BOOLEAN = "tag:yaml.org,2002:bool"
_INTEGER = "tag:yaml.org,2002:int"
_UNWANTED = {_BOOLEAN, _INTEGER, "tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:merge"}


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader without what YAML 1.1 guesses, and with an error where a key stands twice."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own class attribute
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in _UNWANTED]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        """Construct a mapping whose keys are all different."""
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if str(key) in seen:
                line = key_node.start_mark.line + 1
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} stands twice (line {line})", None)
            seen.add(str(key))
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(_BOOLEAN, re.compile("^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
_Loader.add_implicit_resolver(_INTEGER, re.compile("^[-+]?[0-9]+$"), list("-+0123456789"))


def read_yaml(text: str, where: str) -> object:
    """Read one YAML document into dicts, lists, strings, numbers, booleans and None.

    Raises:
        SettingsError: naming `where` and the line, if it is too long, no YAML, or has a key twice.
    """
    if len(text) > MOST_CHARACTERS:
        raise SettingsError(f"{where} has {len(text)} characters; settings of a site may have {MOST_CHARACTERS}")
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a subclass of the safe loader
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        words = " ".join(str(error).split()) or type(error).__name__
        raise SettingsError(f"{where} is no YAML: {words}; docs/usage.md shows the form") from None
