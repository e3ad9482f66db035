"""One helpful sentence for a value of the wrong type: text for a flag, a flag for a number, a number for a text."""

from typing import Any

import numpy as np


class WrongTypeError(TypeError, ValueError):
    """A value of the wrong type; whoever expects either of the two usual errors catches it."""


def tell_wrong_type(what: str, wanted: str, value: object) -> WrongTypeError:
    """Return the error for a value of the wrong type: "`what` must be `wanted`, got ..." with the value and its type.

    Args:
        what: The name of the argument.
        wanted: What it takes.
        value: What came.
    """
    return WrongTypeError(f"{what} must be {wanted}, got {shorten(value)} ({type(value).__name__})")


def shorten(value: object, length: int = 60) -> str:
    """Return the start of how a value is written, for a message; never an error, whatever the value."""
    try:
        text = repr(value)
    except Exception:
        return "a value that cannot be written"
    return text if len(text) <= length else f"{text[:length]}..."


def check_flag(value: Any, what: str) -> bool:
    """Return a flag.

    Raises:
        WrongTypeError: It is none: "false" and 0 are not False.
    """
    if not isinstance(value, (bool, np.bool_)):
        raise tell_wrong_type(what, "True or False", value)
    return bool(value)


def is_integer(value: object) -> bool:
    """Return whether a value is an integer, numpy's too; True is not 1 and 2.0 is not 2."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def check_integer(value: Any, what: str, minimum: int | None = None) -> int:
    """Return an integer.

    Args:
        value: What was given; numbers of numpy are taken.
        what: The name of the argument.
        minimum: The least that is allowed; None for no limit.

    Raises:
        WrongTypeError: It is none, see `is_integer`.
        ValueError: It is below the minimum.
    """
    wanted = "an integer" if minimum is None else f"an integer from {minimum}"
    if not is_integer(value):
        raise tell_wrong_type(what, wanted, value)
    if minimum is not None and value < minimum:
        raise ValueError(f"{what} must be {wanted}, got {value}")
    return int(value)


def check_number(value: Any, what: str, low: float, high: float) -> float:
    """Return a number as it is.

    Args:
        value: What was given.
        what: The name of the argument.
        low: The least that is allowed.
        high: The most that is allowed.

    Raises:
        WrongTypeError: It is none; True is not 1.
        ValueError: It is out of range or not finite.
    """
    wanted = f"a number between {low:g} and {high:g}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise tell_wrong_type(what, wanted, value)
    if not low <= value <= high:
        raise ValueError(f"{what} is {value!r}; it must be {wanted}")
    return float(value)
