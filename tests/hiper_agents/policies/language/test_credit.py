"""Every token of a reply belongs to one choice or to none, however the text is cut into tokens."""

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiper_agents.policies.language.credit import credit_tokens, locate_tokens
from hiper_envs.reply import parse_reply, write_reply
from tests.hiper_agents.policies.language.tiny import make_tokenizer

REPLY = write_reply("go to desk 1", "find the mug", switches=True)
TAGS = [f"<{slash}{name}>" for name in ("switch", "subgoal", "action", "think") for slash in ("", "/")]
OTHERS = ["KEEP", "SWITCH", " ", "\n", "go to desk 1", "é", "你好", "\U0001f600", "<", ">", "", "\ufffd", "<action"]
PIECES = st.sampled_from([*TAGS, *OTHERS])
replies = st.lists(PIECES, max_size=12).map("".join)


class Cutter:
    """Stands for a tokenizer: its tokens are pieces of one text's bytes."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces

    def decode(self, token_ids: Any, *, clean_up_tokenization_spaces: bool) -> str:
        return b"".join(self.pieces[number] for number in token_ids).decode("utf-8", "replace")


def cut(text: str, places: list[int]) -> Cutter:
    content = text.encode()
    edges = sorted({0, len(content), *(place % (len(content) + 1) for place in places)})
    return Cutter([content[start:end] for start, end in pairwise(edges)])


def credit(text: str, places: list[int], is_boundary: bool = True) -> list[tuple[str, str | None]]:
    cutter = cut(text, places)
    spans = locate_tokens(cutter, range(len(cutter.pieces)))
    owners = credit_tokens(parse_reply(text), spans, is_boundary=is_boundary)
    return [(text[start:end], owner) for (start, end), owner in zip(spans, owners, strict=True)]


def characters(text: str, **options: Any) -> dict[str | None, str]:
    """Return what each kind owns if every byte is a token."""
    found: dict[str | None, str] = {}
    for piece, owner in credit(text, list(range(len(text.encode()))), **options):
        found[owner] = found.get(owner, "") + piece
    return found


def test_parts_own_their_characters() -> None:
    tags = "<switch></switch><subgoal></subgoal><action></action>"
    assert characters(REPLY) == {"switch": "SWITCH", "subgoal": "find the mug", "action": "go to desk 1", None: tags}


def test_a_kept_subgoal_owns_none() -> None:
    found = characters(write_reply("look", "find the mug"), is_boundary=False)
    assert found["switch"] == "KEEP" and "subgoal" not in found and "find the mug" in found[None]


@pytest.mark.parametrize(
    ("text", "owned"),
    [
        ("<think>go <action>x</action></think><action>look</action>", {"action": "look"}),
        ("<action>go <think>hm</think>to desk 1</action>", {"action": "go to desk 1"}),
        ("look", {"action": "look"}),
        ("<switch>SWITCH</switch><subgoal>find", {"switch": "SWITCH"}),
        ("<action>a</action><action>b</action>", {"action": "a"}),
        ("", {}),
    ],
)
def test_odd_replies(text: str, owned: dict[str, str]) -> None:
    found = characters(text)
    found.pop(None, None)
    assert found == owned


def test_tokens_over_an_edge_belong_to_the_part_that_they_hold_more_of() -> None:
    text = "<switch>SWITCH</switch><subgoal>ab</subgoal><action>look</action>"
    start, end = text.index("ab"), text.index("look") + 1
    assert ("ab</subgoal><action>l", "subgoal") in credit(text, [start, end])
    assert ("b</subgoal><action>lo", "action") in credit(text, [start + 1, end + 1])
    assert ("ch><sub", None) in credit(text, [text.index("ch><sub"), text.index("goal>ab")])


@given(replies, st.lists(st.integers(0, 400), max_size=30))
def test_tokens_cover_the_text_once(text: str, places: list[int]) -> None:
    cutter = cut(text, places)
    spans = locate_tokens(cutter, range(len(cutter.pieces)))
    assert len(spans) == len(cutter.pieces)
    assert "".join(text[slice(*span)] for span in spans) == text
    assert all(first[1] == second[0] for first, second in pairwise(spans))
    assert (spans[0][0], spans[-1][1]) == (0, len(text)) if spans else not text


def own_characters(text: str, is_boundary: bool) -> list[str | None]:
    """Return the choice that each character of a reply belongs to, looked up one by one."""
    reply = parse_reply(text)
    parts = dict(zip(("switch", "subgoal", "action"), reply.spans, strict=True))
    if not is_boundary:
        del parts["subgoal"]

    def find_owner(place: int) -> str | None:
        if any(start <= place < end for start, end in reply.thoughts):
            return None
        return next((kind for kind, span in parts.items() if span and span[0] <= place < span[1]), None)

    return [find_owner(place) for place in range(len(text))]


@given(replies, st.lists(st.integers(0, 400), max_size=30), st.booleans())
def test_a_token_belongs_to_the_choice_of_most_of_its_characters(
    text: str, places: list[int], is_boundary: bool
) -> None:
    owners = own_characters(text, is_boundary)
    start = 0
    for piece, owner in credit(text, places, is_boundary):
        held = Counter(filter(None, owners[start : start + max(1, len(piece))]))
        assert (owner is None) == (not held)
        assert owner is None or held[owner] == max(held.values())
        start += len(piece)


@given(replies)
def test_a_real_tokenizer_is_located(text: str) -> None:
    tokenizer = make_tokenizer()
    ids = tokenizer.encode(text, add_special_tokens=False)
    assert "".join(text[slice(*span)] for span in locate_tokens(tokenizer, ids)) == text
