"""How a text message is read: strictly, and with a sentence for everything that is wrong with it."""

import json
import re
from datetime import UTC, datetime
from typing import Any, TypeAlias

Message: TypeAlias = dict[str, Any]

REQUIRED, OPTIONAL = True, False
Fields: TypeAlias = dict[str, tuple[type, bool]]
"""What a message holds beside `type` and `timestamp`: name to JSON type and whether it must be there."""

_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")
_NAMES = {str: "a string", int: "an integer", bool: "true or false", dict: "an object", list: "a list"}


def read(text: str) -> Message:
    """A text message as a dict. Raises ValueError unless it is one JSON object."""
    try:
        message = json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("malformed JSON: nested too deep") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"malformed JSON: {error}") from None
    if not isinstance(message, dict):
        raise ValueError("a text message that is not a JSON object")  # noqa: TRY004  of the client's text, not of an argument
    return message


def wrong_with(message: Message, fields: Fields) -> list[str]:
    """What in `message` is not as `fields` and the rule for every message say."""
    name = str(message.get("type"))
    content = {field: value for field, value in message.items() if field != "type"}
    wrong = wrong_fields(name, content, {"timestamp": (str, REQUIRED), **fields})
    stamp = message.get("timestamp")
    if isinstance(stamp, str) and not is_timestamp(stamp):
        wrong.append(f"{name}: timestamp {_shown(stamp)} is not ISO-8601 in UTC ending in Z")
    return wrong


def wrong_fields(name: str, content: Message, fields: Fields) -> list[str]:
    """What in a JSON object is not as `fields` say: missing, of another type, or not known."""
    wrong = []
    for field, (kind, required) in fields.items():
        if field not in content:
            if required:
                wrong.append(f"{name}: {field} is missing")
        elif not is_a(content[field], kind):
            wrong.append(f"{name}: {field} is {_shown(content[field])}; expected {_NAMES[kind]}")
    return wrong + [f"{name}: unexpected field {_shown(field)}" for field in content.keys() - fields.keys()]


def is_usable(message: Message, fields: Fields) -> bool:
    """Whether the fields are there and of their types; a bad time stamp or a field too many does no harm."""
    return all(
        is_a(message[field], kind) if field in message else not required for field, (kind, required) in fields.items()
    )


def is_a(value: object, kind: type) -> bool:
    """Whether a JSON value has this type; true and false are no integers."""
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def is_timestamp(text: str) -> bool:
    """Whether it is an existing moment, written as the seed writes it."""
    if not _TIMESTAMP.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text[:19])
    except ValueError:
        return False
    return True


def now() -> str:
    """The wall clock as a time stamp of the seed."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _refuse(constant: str) -> None:
    raise json.JSONDecodeError(f"{constant} is not JSON", constant, 0)
