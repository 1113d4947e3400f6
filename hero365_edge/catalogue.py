"""The settings as a list that can be looked up: dotted key, default, what it does and, in words, what it allows."""

from dataclasses import dataclass
from typing import Any, get_type_hints

from msgspec import Struct, inspect

from hero365_edge.settings import Settings


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of the configuration."""

    key: str
    """Dotted, as in `backend.tail_silence_ms`."""
    annotation: Any
    """What `msgspec.convert` takes, ranges included."""
    default: object
    description: str
    allowed: str
    """Completes "must be …"."""
    is_text: bool
    """Only text will do, so that `0123` from an environment variable stays what it is."""


def catalogue(struct: type[Struct] = Settings, prefix: str = "") -> dict[str, Setting]:
    """Every setting below `struct` by its dotted key, in the order they are written."""
    found: dict[str, Setting] = {}
    hints = get_type_hints(struct, include_extras=True)
    for name, default in zip(struct.__struct_fields__, struct.__struct_defaults__, strict=True):
        if isinstance(default, Struct):
            found |= catalogue(type(default), f"{prefix}{name}.")
        else:
            kind = inspect.type_info(hints[name])
            assert isinstance(kind, inspect.Metadata)  # noqa: S101  each setting has its description
            found[prefix + name] = Setting(
                key=prefix + name,
                annotation=hints[name],
                default=default,
                description=(kind.extra_json_schema or {})["description"],
                allowed=_in_words(kind.type),
                is_text=isinstance(kind.type, inspect.StrType)
                or (isinstance(kind.type, inspect.LiteralType) and isinstance(kind.type.values[0], str)),
            )
    return found


def _in_words(kind: inspect.Type) -> str:
    match kind:
        case inspect.BoolType():
            words = "true or false"
        case inspect.IntType(ge=low, le=high):
            words = f"a whole number from {low} to {high}"
        case inspect.FloatType(ge=low, le=high):
            words = f"a number from {low} to {high}"
        case inspect.LiteralType(values=[only]):
            words = str(only)
        case inspect.LiteralType(values=values):
            words = "one of " + ", ".join(str(value) for value in values)
        case inspect.UnionType(types=types):
            words = " or ".join(_in_words(each) for each in types)
        case inspect.VarTupleType(item_type=item, min_length=low, max_length=high):
            words = f"a list of {f'{low} to' if low else 'at most'} {high}, each {_in_words(item)}"
        case inspect.StrType():
            words = _text_in_words(kind)
        case _:
            raise TypeError(f"no words for a setting of type {kind}")
    return words


def _text_in_words(kind: inspect.StrType) -> str:
    if kind.pattern:
        return f"text that matches {kind.pattern}"
    if kind.max_length:
        return f"text of {kind.min_length or 0} to {kind.max_length} characters"
    return "text, not empty" if kind.min_length else "text"
