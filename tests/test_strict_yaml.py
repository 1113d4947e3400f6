"""YAML 1.2's plain scalars, and one kind of error for everything else."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hero365_edge.strict_yaml import YamlError, parse


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("off", "off"),
        ("no", "no"),
        ("true", True),
        ("22:22", "22:22"),
        ("010", "010"),
        ("-7", -7),
        ("0", 0),
        ("0.8", 0.8),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("2024-01-15", "2024-01-15"),
        ("~", None),
        ("", None),
        ("[22, 23]", [22, 23]),
    ],
)
def test_a_plain_scalar_is_what_yaml_1_2_says(text: str, value: object) -> None:
    parsed = parse(text)
    assert parsed == value
    assert type(parsed) is type(value)


def test_a_key_twice_is_an_error_that_names_the_line() -> None:
    with pytest.raises(YamlError, match="line 3, column 3: url stands in the same place twice"):
        parse("backend:\n  url: a\n  url: b\n")


@pytest.mark.parametrize("text", ["a: [1", "a: b: c", "\tb: 1", "- !!int six", "!!bool maybe", "!!timestamp soon"])
def test_what_is_not_yaml_is_an_error(text: str) -> None:
    with pytest.raises(YamlError):
        parse(text)


@pytest.mark.parametrize("data", [b"\0\0\0\0", b"a: \xff\xfe"])
def test_a_file_of_bytes_that_are_no_text_is_an_error(data: bytes) -> None:
    with pytest.raises(YamlError, match="not text in UTF-8"):
        parse(data)


def test_nesting_without_end_is_an_error() -> None:
    with pytest.raises(YamlError, match="nested too deeply"):
        parse("[" * 5000)


def test_no_tag_makes_an_object() -> None:
    with pytest.raises(YamlError, match="could not determine a constructor"):
        parse("!!python/object/apply:os.getcwd []")


@given(st.binary(max_size=200) | st.text(alphabet="ab:{}[]!&*-? \n\t\"'|>%#,0", max_size=60))
def test_nothing_but_a_value_or_the_one_error_comes_out(text: bytes | str) -> None:
    with suppress(YamlError):
        parse(text)
