"""What an agent states: its replies, what they used, and its card. Checked here, and never trusted in scoring.

An agent that counts what a reply used keeps it in an attribute `usage`, None or the last reply's tokens read and
written: a `Usage`, a tuple, or anything with `prompt_tokens`, `reply_tokens` and perhaps `cost`. One that wants to say
what it is keeps an attribute `card`, a mapping such as `{"model": "m", "endpoint": "https://...", "temperature": 0.0}`;
it is read once, after the agent is made, and holds what is the same for all episodes.
"""

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

Card = dict[str, str | int | float | bool | None]
MAX_CARD_ENTRIES, MAX_CARD_TEXT = 64, 2_000
MAX_COUNT = 2**63 - 1
_CREDENTIALS = re.compile(r"(?<=://)[^/?#\s]*@")


def check_reply(reply: Any) -> str:
    """Return a reply that can be played and recorded.

    Raises:
        TypeError: It is no string.
        ValueError: It is no text: it holds half of a surrogate pair.
    """
    if not isinstance(reply, str):
        raise TypeError(f"a reply must be a string, got {type(reply).__name__} ({reply!r:.60})")
    text = str.__str__(reply)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"a reply must be text that UTF-8 can hold, got {text[error.start]!a} at position {error.start}"
        ) from None
    return text


class CheckedUsage(NamedTuple):
    """What a reply used, as far as the agent says: both counts of tokens or none, and perhaps a cost."""

    prompt_tokens: int | None = None
    reply_tokens: int | None = None
    cost: float | None = None


def check_usage(usage: Any) -> CheckedUsage:
    """Return what an agent says of its last reply's usage; nothing for None and for what is no usage at all.

    Raises:
        ValueError: A number of it is no count or no cost.
    """
    match usage:
        case object(prompt_tokens=prompt, reply_tokens=reply):
            cost = getattr(usage, "cost", None)
        case (prompt, reply):
            cost = None
        case (prompt, reply, cost):
            pass
        case _:
            return CheckedUsage()
    if cost is not None:
        cost = _check_number(cost, "cost", "a finite number from 0")
    if prompt is None and reply is None:
        return CheckedUsage(cost=cost)
    return CheckedUsage(_check_count(prompt, "prompt_tokens"), _check_count(reply, "reply_tokens"), cost)


def read_card(agent: object) -> Card:
    """Return what an agent says of itself, empty if it says nothing; passwords in addresses are left out.

    Raises:
        ValueError: Its card is no mapping of names to plain values, or too large.
    """
    card = getattr(agent, "card", None)
    if card is None:
        return {}
    if not isinstance(card, Mapping):
        raise ValueError(f"the agent's card must be a mapping of names to plain values, got {type(card).__name__}")
    if len(card) > MAX_CARD_ENTRIES:
        raise ValueError(f"the agent's card has {len(card)} entries; allowed: up to {MAX_CARD_ENTRIES}")
    return {_check_text(name, "a name in it"): _check_entry(name, value) for name, value in card.items()}


def _check_entry(name: str, value: Any) -> str | int | float | bool | None:
    match value:
        case None | bool():
            return value
        case str():
            return _CREDENTIALS.sub("", _check_text(value, name))
        case int() if abs(value) <= MAX_COUNT:
            return int(value)
        case float() if math.isfinite(value):
            return float(value)
    raise ValueError(
        f"the agent's card says {name} {value!r:.60}; allowed are texts, booleans, None, finite numbers and whole"
        " numbers of 64 bits"
    )


def _check_text(value: Any, name: str) -> str:
    if not isinstance(value, str) or len(value) > MAX_CARD_TEXT:
        raise ValueError(
            f"the agent's card has {name} {value!r:.60}; it must be a text of up to {MAX_CARD_TEXT} characters"
        )
    return str.__str__(value).encode("utf-8", "backslashreplace").decode()


def _check_count(value: Any, name: str) -> int:
    number = _check_number(value, name, "a whole number from 0")
    if number != int(number) or number > MAX_COUNT:
        raise _wrong_usage(value, name, "a whole number from 0")
    return int(value)


def _check_number(value: Any, name: str, allowed: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if isinstance(value, (str, bytes)) or not 0 <= number < math.inf:
        raise _wrong_usage(value, name, allowed)
    return number


def _wrong_usage(value: Any, name: str, allowed: str) -> ValueError:
    return ValueError(f"the agent's usage has {name} {value!r:.60}; it must be {allowed}")
