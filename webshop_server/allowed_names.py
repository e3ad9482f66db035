"""One helpful sentence for a name that is not among the allowed ones."""

import difflib
import inspect
from collections.abc import Callable, Iterable

from webshop_server.allowed_types import shorten

MAX_LISTED = 12
MAX_SHOWN = 200


def nearest_name(name: str, allowed: Iterable[str]) -> str | None:
    """Return the allowed name closest to `name`, or None if none is near."""
    by_lowercase = {candidate.lower(): candidate for candidate in allowed}
    near = difflib.get_close_matches(name.lower(), by_lowercase, n=1, cutoff=0.5)
    return by_lowercase[near[0]] if near else None


def check_choice(value: str, allowed: Iterable[str], what: str) -> str:
    """Return `value` if it is allowed.

    Args:
        value: The name that the user gave.
        allowed: All names that would do, in the order in which to show them.
        what: The kind of thing it names, for the message ("split").

    Raises:
        ValueError: `value` is not allowed; the message lists what is and the nearest name.
    """
    names = list(allowed)
    if isinstance(value, str) and value in names:
        return value
    listed = ", ".join(names[:MAX_LISTED]) + (f", ... ({len(names)} in all)" if len(names) > MAX_LISTED else "")
    near = nearest_name(value, names) if isinstance(value, str) else None
    hint = f"; did you mean {near!r}?" if near else ""
    raise ValueError(f"unknown {what} {shorten(value, MAX_SHOWN)}; allowed: {listed}{hint}")


def refuse_unknown(given: Iterable[str], function: Callable[..., object]) -> None:
    """Refuse keyword arguments that `function` does not name.

    Raises:
        ValueError: There is one; the message lists those that `function` takes, and the nearest name.
    """
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    named = [name for name, parameter in inspect.signature(function).parameters.items() if parameter.kind in kinds]
    for name in given:
        check_choice(name, [known for known in named if known != "self"], "option")
