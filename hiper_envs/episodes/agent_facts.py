"""What an agent says of itself, in attributes that it may have: `ignores_case`, `usage` and `card`.

It is no part of the agent's play, and scores do not depend on it: what is of the wrong kind, or cannot be read, is
unknown and fails no episode.
"""

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from itertools import islice
from numbers import Integral, Number, Real
from typing import Any

from hiper_envs.episodes.record import Usage
from hiper_envs.plain_text import make_plain

Card = dict[str, str | int | float | bool | None]
MAX_CARD_ENTRIES, MAX_CARD_NAME, MAX_CARD_TEXT = 64, 100, 2_000
MAX_COUNT = 2**63 - 1
"""The largest number that a record can hold."""
_CREDENTIALS = re.compile(r"(?<=://)[^/?#\s]*@")


def read_ignores_case(agent: object) -> bool | None:
    """Return what an agent says in its attribute `ignores_case`; None for nothing that says anything."""
    wish = _read(agent, "ignores_case")
    return wish if isinstance(wish, bool) else None


def read_usage(agent: object) -> Usage | None:
    """Return what an agent says in its attribute `usage`, as plain values; None for nothing that says anything.

    It may be a `Usage`, a tuple or list of two to four values in its order, or anything with attributes
    `prompt_tokens`, `reply_tokens` and perhaps the other two. A value of another kind is unknown.
    """
    said: Any = _read(agent, "usage")
    try:
        if not isinstance(said, tuple | list):
            said = (said.prompt_tokens, said.reply_tokens, _read(said, "cost"), _read(said, "finish_reason"))
        return _plain_usage(*said)
    except Exception:
        return None


def read_card(agent: object) -> Card:
    """Return what an agent says in its attribute `card`, a mapping of names to plain values, {} if it says nothing.

    Left out are user names and passwords in addresses, values that are not plain, names and texts longer than
    `MAX_CARD_NAME` and `MAX_CARD_TEXT` characters, and what comes after `MAX_CARD_ENTRIES` entries.
    """
    said = _read(agent, "card")
    card: Card = {}
    with suppress(Exception):
        for name, value in islice(said.items(), MAX_CARD_ENTRIES) if isinstance(said, Mapping) else ():
            with suppress(Exception):
                card[_plain_text(name, MAX_CARD_NAME)] = _plain_value(value)
    return card


def _read(owner: object, name: str) -> object:
    """Return an attribute; None if there is none, or whatever goes wrong on the way to it."""
    try:
        return getattr(owner, name, None)
    except (Exception, SystemExit):
        return None


def _plain_usage(prompt_tokens: object, reply_tokens: object, cost: object = None, reason: object = None) -> Usage:
    return Usage(
        _plain_count(prompt_tokens),
        _plain_count(reply_tokens),
        _plain_number(cost),
        make_plain(reason) if isinstance(reason, str) else None,
    )


def _plain_count(count: Any) -> int | None:
    number = _plain_number(count)
    return int(count) if number is not None and number.is_integer() and int(count) <= MAX_COUNT else None


def _plain_number(value: Any) -> float | None:
    """Return a number from 0 as a float, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, Number):
        return None
    try:
        number = float(value)  # type: ignore[arg-type]  # a Number need not have __float__: then it is a TypeError
    except (TypeError, ValueError, OverflowError):
        return None
    return number if 0 <= number < math.inf else None


def _plain_value(value: Any) -> str | int | float | bool | None:
    match value:
        case None | bool():
            return value
        case str():
            return _plain_text(value, MAX_CARD_TEXT)
        case Integral() if abs(int(value)) <= MAX_COUNT:
            return int(value)
        case Real() if math.isfinite(value) and not isinstance(value, Integral):
            return float(value)
    raise ValueError("no plain value")


def _plain_text(text: Any, max_characters: int) -> str:
    text = make_plain(text)
    if len(text) > max_characters:
        raise ValueError("too long a text")
    return _CREDENTIALS.sub("", text)
