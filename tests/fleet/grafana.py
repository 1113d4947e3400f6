"""Grafana's own model of a dashboard, from Grafana Labs' SDK, as a judge: what it does not know, or is of another type.

The SDK is made from Grafana's schemas, and keeps what it reads without a look at it. So each field that it knows is
compared with what it is declared to be.
"""

import enum
import json
import types
import typing
from collections.abc import Iterator
from typing import Any

from grafana_foundation_sdk.cog import runtime
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard


def objections(text: str) -> list[str]:
    """What Grafana's model has against a dashboard, given as JSON."""
    register_default_plugins()
    read = Dashboard.from_json(json.loads(text))
    panels = [panel["type"] for panel in json.loads(text)["panels"]]
    return [
        *(f"there is no panel of type {kind}" for kind in panels if runtime.panelcfg_config(kind) is None),
        *_unknown(json.loads(text), json.loads(JSONEncoder().encode(read)), ""),
        *_of_other_type(read, Dashboard, ""),
    ]


def _unknown(ours: Any, known: Any, place: str) -> Iterator[str]:
    """What was lost or changed on the way through the model."""
    if isinstance(ours, dict) and isinstance(known, dict):
        for name, value in ours.items():
            if name not in known:
                yield f"{place}.{name} is unknown"
            else:
                yield from _unknown(value, known[name], f"{place}.{name}")
    elif isinstance(ours, list) and isinstance(known, list) and len(ours) == len(known):
        for index, value in enumerate(ours):
            yield from _unknown(value, known[index], f"{place}[{index}]")
    elif ours != known:
        yield f"{place} is read as {known!r}"


def _of_other_type(value: Any, declared: Any, place: str) -> Iterator[str]:
    """Where a value is not what the model declares."""
    origin, arguments = typing.get_origin(declared), typing.get_args(declared)
    if origin in {typing.Union, types.UnionType}:
        found = [list(_of_other_type(value, each, place)) for each in arguments]
        if all(found):
            yield from max(found, key=lambda each: len(each[0].partition(" ")[0]))  # the one that it comes nearest to
    elif origin in {list, dict}:
        if not isinstance(value, origin):
            yield f"{place} is no {origin.__name__}"
            return
        for name, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _of_other_type(each, arguments[-1], f"{place}[{name}]")
    elif origin is typing.Literal:
        if value not in arguments:
            yield f"{place} is {value!r}, none of {arguments}"
    elif isinstance(declared, type):
        yield from _of_other_class(value, declared, place)


def _of_other_class(value: Any, declared: type, place: str) -> Iterator[str]:
    if issubclass(declared, enum.Enum):
        allowed = [each.value for each in declared]
        if value not in allowed and not isinstance(value, declared):
            yield f"{place} is {value!r}, none of {allowed}"
    elif declared is float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            yield f"{place} is {value!r}, no number"
    elif not isinstance(value, declared):
        yield f"{place} is {value!r}, no {declared.__name__}"
    for name, hint in typing.get_type_hints(type(value)).items() if hasattr(value, "to_json") else ():
        if hasattr(value, name):  # a class may have fields that it sets only when they are given
            yield from _of_other_type(getattr(value, name), hint, f"{place}.{name}")
