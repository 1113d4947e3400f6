"""YAML as people mean it: plain scalars as in YAML 1.2, no key twice, one kind of error.

PyYAML reads YAML 1.1, where `off` is false, `010` is eight and `22:22` is 1342; `local_voice: off` would not be text.
"""

import re
from collections.abc import Hashable
from typing import Any

import yaml


class YamlError(ValueError):
    """The text is not YAML, or has a key twice; says where and what."""


class _Loader(yaml.SafeLoader):
    """SafeLoader with its own idea of which plain scalars are not text; dates stay text."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012  PyYAML's own class attribute

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        mapping = super().construct_mapping(node, deep)
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                problem = f"{key} stands in the same place twice"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key_node.start_mark)
            seen.add(key)
        return mapping


for _tag, _first, _pattern in (
    ("null", ["~", "n", "N", ""], r"~|null|Null|NULL|"),
    ("bool", list("tTfF"), r"true|True|TRUE|false|False|FALSE"),
    ("int", list("-+0123456789"), r"[-+]?(?:0|[1-9][0-9]*)"),
    ("float", list("-+.0123456789"), r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), _first)


def parse(text: bytes | str) -> Any:
    """The one document in `text`; None when there is nothing in it. Raises YamlError."""
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506  _Loader is a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise YamlError(f"{where}{error.problem or error.context}") from None
    except yaml.reader.ReaderError as error:
        raise YamlError(f"position {error.position}: not text in UTF-8 ({error.reason})") from None
    except (ValueError, KeyError, AttributeError):  # an explicit tag, as in `!!int six`
        raise YamlError("a value does not fit its `!!` tag") from None
    except RecursionError:
        raise YamlError("nested too deeply") from None
