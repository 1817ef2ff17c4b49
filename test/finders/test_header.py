"""Sections of a weights file's header are what the finders take them for, or are refused."""

import pytest

from desinn.finders.header import section


def read(value, kind):
    return section({"prepare": {"key": value}}, "prepare", {"key": kind})["key"]


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (3, int, 3),
        (3, float, 3.0),
        ("a", str, "a"),
        ([], [float], []),
        ([1, 2.5], [float, float], [1.0, 2.5]),
        ([[1, 2]], [[float, float]], [[1.0, 2.0]]),
        ([{"a": 1}], [{"a": float}], [{"a": 1.0}]),
        ({"any": "thing"}, dict, {"any": "thing"}),
    ],
)
def test_what_fits_is_taken(value, kind, expected):
    found = read(value, kind)
    assert found == expected
    assert repr(found) == repr(expected)  # 1 is not 1.0 here


@pytest.mark.parametrize(
    ("value", "kind", "name"),
    [
        (True, int, "int"),
        (1.0, int, "int"),
        (2**53 + 1, float, "float"),
        (float("inf"), float, "float"),
        (float("nan"), float, "float"),
        ("1", float, "float"),
        (1.0, [float], r"\[float, ...\]"),
        ([1.0], [float, float], r"\[float, float\]"),
        ([[1.0, 2.0], 3.0], [[float, float]], r"\[\[float, float\], ...\]"),
        ([{"a": 1.0, "b": 1.0}], [{"a": float}], r"\[{a: float}, ...\]"),
        ([{"a": []}], [{"a": str}], r"\[{a: str}, ...\]"),
        ([1.0], {"a": float}, r"{a: float}"),
        (None, dict, "dict"),
    ],
)
def test_what_does_not_fit_is_refused(value, kind, name):
    with pytest.raises(ValueError, match=f"^prepare: key: expected {name}, found "):
        read(value, kind)


def test_all_that_is_wrong_is_named():
    with pytest.raises(ValueError, match="a is missing; prepare: c is unknown; prepare: b: exp"):
        section({"prepare": {"c": 1, "b": 2}}, "prepare", {"a": int, "b": str})
