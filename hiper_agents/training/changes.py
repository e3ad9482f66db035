"""Settings given on the command line instead of those of a file."""

import tomllib
from collections.abc import Sequence
from typing import Any


def parse_settings(settings: Sequence[str]) -> dict[str, Any]:
    """Read name=value pairs, the values in TOML; a value that is no TOML is a string.

    Raises:
        ValueError: There is no "=" in one.
    """
    found: dict[str, Any] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise ValueError(f"setting {setting!r} is not of the form name=value, like updates=10")
        try:
            found[name] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            found[name] = value
    return found


def read_changes(seed: int | None, settings: Sequence[str]) -> dict[str, Any]:
    """Return what replaces a configuration's settings: pairs as `parse_settings` reads them, and perhaps a seed.

    Raises:
        ValueError: There is no "=" in a pair.
    """
    return parse_settings(settings) | ({} if seed is None else {"seed": seed})
