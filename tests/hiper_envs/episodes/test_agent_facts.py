"""What an agent says of itself becomes plain values, or is unknown; nothing of it fails."""

import itertools
import math
import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiper_envs.episodes.agent_facts import MAX_CARD_ENTRIES, read_card, read_ignores_case, read_usage
from hiper_envs.episodes.record import Usage


class Usages(list[Any]):
    """Something that has no length."""

    def __len__(self) -> int:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("said", "usage"),
    [
        (None, None),
        ((5, 2), Usage(5, 2)),
        ([5, 2], Usage(5, 2)),
        ((5, 2, 0.5), Usage(5, 2, 0.5)),
        (Usage(5, 2, 1), Usage(5, 2, 1.0)),
        (Usage(5, 2, 0.25, "length"), Usage(5, 2, 0.25, "length")),
        ((np.int64(5), np.int32(2), np.float32(0.25), np.str_("stop")), Usage(5, 2, 0.25, "stop")),
        ((5, None, None, "stop\ud83d"), Usage(5, None, None, "stop\ufffd")),
        (SimpleNamespace(prompt_tokens=np.int64(3), reply_tokens=4.0), Usage(3, 4)),
        (SimpleNamespace(prompt_tokens=None, reply_tokens=None, cost=Decimal("0.25")), Usage(None, None, 0.25)),
        (SimpleNamespace(prompt_tokens=3, reply_tokens=4, finish_reason="stop"), Usage(3, 4, None, "stop")),
        ((True, -1, float("nan"), 3), Usage(None, None)),
        ((2**70, 2.5, "free", b"stop"), Usage(None, None)),
        ((math.nan, math.inf, -0.5), Usage(None, None)),
        (("5", 10**400, 10**400), Usage(None, None)),
        ((Decimal("sNaN"), 1j, True), Usage(None, None)),
        ((5,), None),
        ((5, 2, 0.1, "stop", 1), None),
        (7, None),
        ("see the docs", None),
        (itertools.count(), None),
        ({"prompt_tokens": 5, "reply_tokens": 2}, None),
        (SimpleNamespace(total=3), None),
        (Usages([5, 2]), None),
    ],
)
def test_usage_is_read_as_plain_values(said: Any, usage: Usage | None) -> None:
    found = read_usage(SimpleNamespace(usage=said))
    assert found == usage and msgspec.json.encode(found) == msgspec.json.encode(usage)
    assert {type(count) for count in (found or ())[:2]} <= {int, type(None)}


@pytest.mark.parametrize(("said", "wish"), [(True, True), (False, False), (None, None), (1, None), ("yes", None)])
def test_case(said: Any, wish: bool | None) -> None:
    assert read_ignores_case(SimpleNamespace(ignores_case=said)) is wish


@pytest.mark.parametrize("failure", [ValueError("\ud83d"), SystemExit(3), AttributeError()])
def test_what_cannot_be_read_is_unknown(failure: BaseException) -> None:
    class Closed:
        def __getattr__(self, name: str) -> object:
            raise failure

    assert (read_usage(Closed()), read_ignores_case(Closed()), read_card(Closed())) == (None, None, {})
    assert (read_usage(object()), read_ignores_case(object()), read_card(object())) == (None, None, {})


PLAIN = st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False, allow_infinity=False)


@given(st.dictionaries(st.text(max_size=20), PLAIN | st.text(max_size=50), max_size=8))
def test_card_is_read_as_it_is_and_can_be_written(card: dict[str, Any]) -> None:
    found = read_card(SimpleNamespace(card=card))
    assert msgspec.json.decode(msgspec.json.encode(found)) == found
    assert len(found) == len(card)


def test_no_card_and_addresses_without_passwords() -> None:
    assert read_card(object()) == read_card(SimpleNamespace(card=None)) == {}
    card = {"endpoint": "https://me:secret@host:8000/v1", "model": "a/b@c", "text": "\ud800", "seed": np.int64(3)}
    assert read_card(SimpleNamespace(card=card)) == {
        "endpoint": "https://host:8000/v1",
        "model": "a/b@c",
        "text": "\ufffd",
        "seed": 3,
    }


class Endless(Mapping[str, int]):
    """Has ever more entries."""

    def __getitem__(self, name: str) -> int:
        return 0

    def __iter__(self) -> Iterator[str]:
        return map(str, itertools.count())

    def __len__(self) -> int:
        return sys.maxsize


@pytest.mark.parametrize(
    ("card", "num_kept"),
    [
        ("gpt", 0),
        ([("model", "m")], 0),
        ({"model": ["a"], "seed": 7}, 1),
        ({"temperature": math.nan, "model": "m"}, 1),
        ({"seed": 10**30, "model": "m"}, 1),
        ({"prompt": "x" * 2_001, "model": "x" * 2_000}, 1),
        ({"x" * 101: 0, "x" * 100: 0}, 1),
        ({3: "x", "model": "m"}, 1),
        ({str(number): 0 for number in range(99)}, MAX_CARD_ENTRIES),
        (Endless(), MAX_CARD_ENTRIES),
    ],
)
def test_what_a_card_cannot_hold_is_left_out(card: Any, num_kept: int) -> None:
    assert len(read_card(SimpleNamespace(card=card))) == num_kept


def test_the_largest_card_fits_a_header() -> None:
    """A character takes six bytes of JSON at most."""
    card = {f"{number}".rjust(100, "\0"): "\0" * 2_000 for number in range(99)}
    assert 700_000 < len(msgspec.json.encode(read_card(SimpleNamespace(card=card)))) < 1 << 20
