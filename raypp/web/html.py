"""HTML that is escaped by construction: text becomes safe where it enters, and nowhere else."""

from dataclasses import dataclass
from html import escape

_JOINERS_AND_SPACES = frozenset("\n\t\u00a0\u200c\u200d")
_VOID = frozenset({"meta", "link", "br", "img", "input", "hr"})


@dataclass(frozen=True, slots=True)
class Html:
    """Text that is HTML already. Made by `element`, and by hand only of constants."""

    text: str

    def __str__(self) -> str:
        return self.text


def element(tag: str, /, *children: object, **attributes: str | float | bool | None) -> Html:
    """Return one element, all text in it escaped.

    Args:
        tag: its name.
        children: `Html` as it is; None left out; lists and tuples in turn; anything else as escaped text.
        attributes: a trailing underscore is dropped and others become hyphens (`class_`, `aria_label`); None and False
            leave the attribute out, True writes it without a value.
    """
    opening = f"<{tag}{''.join(_attribute(key, value) for key, value in attributes.items())}>"
    if tag in _VOID:
        return Html(opening)
    return Html(f"{opening}{''.join(_safe(child) for child in children)}</{tag}>")


def join(*children: object) -> Html:
    """Several pieces, one after another."""
    return Html("".join(_safe(child) for child in children))


def _safe(child: object) -> str:
    if child is None:
        return ""
    if isinstance(child, Html):
        return child.text
    if isinstance(child, list | tuple):
        return "".join(_safe(one) for one in child)
    return escape(_printable(str(child)))


def _attribute(key: str, value: str | float | bool | None) -> str:
    name = key.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    if value is True:
        return f" {name}"
    return f' {name}="{escape(_printable(str(value)))}"'


def _printable(text: str) -> str:
    """Text without controls, lone surrogates and marks that turn the direction of what stands beside them."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in _JOINERS_AND_SPACES else "\ufffd" for one in text)
