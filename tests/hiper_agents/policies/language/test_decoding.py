"""Replies that are held to the format keep it, however a tokenizer cuts tags."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiper_agents.policies.language.decoding import DECODINGS, Guide, Spelling, make_guide
from hiper_envs.reply import parse_reply
from tests.hiper_agents.policies.language.tiny import make_tokenizer

ACTIONS = ("go to desk 1", "go to desk 10", "go to desk 1 0", "take a mug 1 from desk 1")
WRITTEN = "find the mug</subgoal><action>"


class PieceTokenizer:
    """Writes a text as the longest of its pieces, else letter by letter."""

    def __init__(self, pieces: Sequence[str]) -> None:
        letters = {chr(number) for number in range(32, 127)} | {"\n"}
        self.pieces = [*pieces, *sorted(letters - set(pieces))]
        self.numbers = {piece: number for number, piece in enumerate(self.pieces)}

    def get_vocab(self) -> dict[str, int]:
        return self.numbers

    def encode(self, text: str, add_special_tokens: bool) -> list[int]:
        ids = []
        while text:
            best = max((piece for piece in self.pieces if text.startswith(piece)), key=len)
            ids.append(self.numbers[best])
            text = text[len(best) :]
        return ids

    def decode(self, ids: Sequence[int], clean_up_tokenization_spaces: bool) -> str:
        return "".join(self.pieces[number] for number in ids)


def follow(guide: Guide, wanted: Sequence[int], prefer: int = 0) -> tuple[list[int], list[object]]:
    """Give a guide what it wants, and of its choices one; return the tokens, and what each was chosen among."""
    ids: list[int] = []
    among: list[object] = []
    free = iter(wanted)
    try:
        allowed = next(guide)
        while True:
            token = next(free) if allowed is None or len(allowed) > 60 else allowed[prefer % len(allowed)]
            assert allowed is None or token in allowed
            ids.append(token)
            among.append(allowed)
            allowed = guide.send(token)
    except StopIteration:
        return ids, among


def cut(text: str, places: Sequence[int]) -> list[str]:
    edges = [0, *sorted({place % len(text) for place in places} - {0}), len(text)]
    return [text[start:end] for start, end in pairwise(edges)]


@given(st.lists(st.integers(0, 1000), max_size=8), st.sampled_from(["", " ", "\n", " text "]), st.integers(0, 9))
def test_a_subgoal_may_close_in_any_pieces(places: list[int], between: str, prefer: int) -> None:
    written = WRITTEN.replace("><", f">{between}<")
    pieces = cut(written, places)
    spelling = Spelling(PieceTokenizer([*dict.fromkeys(pieces), "</action>"]), frozenset())
    wanted = [spelling.tokenizer.numbers[piece] for piece in pieces]
    guide = make_guide("admissible", spelling, True)(ACTIONS, True)
    ids, _ = follow(guide, wanted, prefer)
    reply = parse_reply(spelling.read(ids))
    assert reply.subgoal == "find the mug" and reply.switches and reply.action in ACTIONS
    assert not reply.problems
    end = spelling.find_subgoal_end(ids)
    assert end is not None
    assert "</subgoal>" in spelling.read(ids[: end + 1]) and "</subgoal>" not in spelling.read(ids[:end])


def test_no_token_closes_a_subgoal_and_begins_the_action() -> None:
    spelling = Spelling(PieceTokenizer(["</subgoal><action>", "</subgoal><action>go"]), frozenset())
    assert spelling.subgoal_choice is not None
    assert 0 in spelling.subgoal_choice and 1 not in spelling.subgoal_choice
    assert Spelling(PieceTokenizer(["</subgoal><action>"]), frozenset()).subgoal_choice is None


@pytest.mark.parametrize("prefer", range(8))
@pytest.mark.parametrize("has_subgoals", [True, False])
def test_only_admissible_actions_are_spelt(prefer: int, has_subgoals: bool) -> None:
    spelling = Spelling(make_tokenizer(), frozenset())
    wanted = spelling.spell("the shelf") + spelling.spell("</subgoal>")
    ids, among = follow(make_guide("admissible", spelling, has_subgoals)(ACTIONS, False), wanted, prefer)
    reply = parse_reply(spelling.read(ids))
    assert reply.action in ACTIONS and not reply.problems
    assert reply.form == ("hierarchical" if has_subgoals else "react")
    assert all(token in allowed for token, allowed in zip(ids, among, strict=True) if isinstance(allowed, tuple))


def test_keeping_writes_everything_up_to_the_action_and_nothing_of_it_is_chosen() -> None:
    spelling = Spelling(PieceTokenizer(["KEEP", "SWITCH"]), frozenset())
    wanted = spelling.spell("look</action>")
    ids, among = follow(make_guide("format", spelling, True)((), False), wanted)
    assert spelling.read(ids) == "<switch>KEEP</switch><subgoal></subgoal><action>look</action>"
    chosen = [
        token
        for token, allowed in zip(ids, among, strict=True)
        if not (isinstance(allowed, tuple) and len(allowed) == 1)
    ]
    assert spelling.read(chosen) == "KEEPlook</action>"
    ids, _ = follow(make_guide("format", spelling, True)((), True), spelling.spell("a</subgoal>b</action>"))
    assert spelling.read(ids) == "<switch>SWITCH</switch><subgoal>a</subgoal><action>b</action>"


def test_without_admissible_actions_any_is_written() -> None:
    spelling = Spelling(PieceTokenizer([]), frozenset())
    ids, _ = follow(make_guide("admissible", spelling, False)((), False), spelling.spell("dance</action>"))
    assert spelling.read(ids) == "<action>dance</action>"


@pytest.mark.parametrize("ending", ["</action>", "</action><", " </ACTION>\n", "</action> and more>"])
def test_free_replies_end_with_their_action(ending: str) -> None:
    spelling = Spelling(PieceTokenizer([ending]), frozenset())
    text = f"<think><action>no</action></think> > <action>look{ending}"
    ids, _ = follow(make_guide("free", spelling, True)((), False), [*spelling.spell(text), *spelling.spell("tail")])
    assert spelling.read(ids) == text


def test_an_unknown_decoding_is_told() -> None:
    with pytest.raises(
        ValueError, match="unknown decoding 'fre'; allowed: free, format, admissible; did you mean 'free'"
    ):
        make_guide("fre", Spelling(make_tokenizer(), frozenset()), True)
    assert DECODINGS == ("free", "format", "admissible")
