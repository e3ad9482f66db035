"""What an agent states is checked where it comes in."""

import math
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiper_envs.episodes.record import Usage
from hiper_envs.episodes.statements import CheckedUsage, check_reply, check_usage, read_card


class Text(str):
    def __str__(self) -> str:
        return "something else"


def test_replies() -> None:
    assert check_reply("look é 你 😀") == "look é 你 😀"
    assert type(check_reply(Text("look"))) is str and check_reply(Text("look")) == "look"
    with pytest.raises(TypeError, match=r"a reply must be a string, got bytes \(b'look'\)"):
        check_reply(b"look")
    with pytest.raises(ValueError, match=r"UTF-8 can hold, got '\\ud83d' at position 3"):
        check_reply("go \ud83d")


@pytest.mark.parametrize(
    ("usage", "checked"),
    [
        (None, CheckedUsage()),
        ((3, 4), CheckedUsage(3, 4)),
        ((3, 4, 0.5), CheckedUsage(3, 4, 0.5)),
        (Usage(3, 4), CheckedUsage(3, 4)),
        (Usage(3, 4, 1), CheckedUsage(3, 4, 1.0)),
        (SimpleNamespace(prompt_tokens=np.int64(3), reply_tokens=4.0), CheckedUsage(3, 4)),
        (SimpleNamespace(prompt_tokens=None, reply_tokens=None, cost=0.25), CheckedUsage(cost=0.25)),
        ("see the docs", CheckedUsage()),
        (SimpleNamespace(total=3), CheckedUsage()),
    ],
)
def test_usage(usage: Any, checked: CheckedUsage) -> None:
    found = check_usage(usage)
    assert found == checked and {type(count) for count in found[:2]} <= {int, type(None)}


@pytest.mark.parametrize(
    ("usage", "sentence"),
    [
        ((math.nan, 4), "the agent's usage has prompt_tokens nan; it must be a whole number from 0"),
        ((3, math.inf), "reply_tokens inf"),
        ((3, -1), "reply_tokens -1"),
        ((3, None), "reply_tokens None"),
        ((3, "4"), "reply_tokens '4'"),
        ((3, 4.5), "reply_tokens 4.5"),
        ((3, 10**30), "reply_tokens 1000"),
        ((3, 4, math.nan), "cost nan; it must be a finite number from 0"),
        ((3, 4, -0.5), "cost -0.5"),
    ],
)
def test_usage_that_is_no_number_is_refused(usage: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        check_usage(usage)


PLAIN = st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False, allow_infinity=False)


@given(st.dictionaries(st.text(max_size=20), PLAIN | st.text(max_size=50), max_size=8))
def test_card_is_read_as_it_is_and_can_be_written(card: dict[str, Any]) -> None:
    found = read_card(SimpleNamespace(card=card))
    assert msgspec.json.decode(msgspec.json.encode(found)) == found
    assert len(found) == len(card)


def test_no_card_and_addresses_without_passwords() -> None:
    assert read_card(object()) == read_card(SimpleNamespace(card=None)) == {}
    card = {"endpoint": "https://me:secret@host:8000/v1", "model": "a/b@c", "text": "\ud800"}
    assert read_card(SimpleNamespace(card=card)) == {
        "endpoint": "https://host:8000/v1",
        "model": "a/b@c",
        "text": "\\ud800",
    }


@pytest.mark.parametrize(
    ("card", "sentence"),
    [
        ("gpt", "must be a mapping of names to plain values, got str"),
        ({"model": ["a"]}, r"says model \['a'\]; allowed are texts"),
        ({"temperature": math.nan}, "says temperature nan"),
        ({"seed": 10**30}, "says seed 1000"),
        ({"prompt": "x" * 3000}, "must be a text of up to 2000 characters"),
        ({3: "x"}, "has a name in it 3; it must be a text"),
        ({str(number): 0 for number in range(99)}, "has 99 entries; allowed: up to 64"),
    ],
)
def test_card_that_will_not_do(card: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        read_card(SimpleNamespace(card=card))
