"""What the model said itself is not marked, however its text is cut."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hiper_agents.policies.language.marking import Marking
from tests.hiper_agents.policies.language.small import make_tokenizer

WANTED = frozenset(range(5, 40))
MARKING = Marking(make_tokenizer())


def encode(text: str) -> list[int]:
    ids: list[int] = make_tokenizer().encode(text, add_special_tokens=False)
    return ids


def find(text: str) -> list[str]:
    """Return the tokens that stand in replies."""
    ids = encode(text)
    found = MARKING.find_replies(np.array([ids]))[0]
    return [make_tokenizer().decode([token]) for token, inside in zip(ids, found, strict=True) if inside]


def test_a_reply_goes_from_its_mark_to_its_end() -> None:
    turn = "<|acts|>take mug 1 from desk 1<|task|>put a mug in desk<|reply|>"
    assert "".join(find(f"a mug 1{turn}<action>take mug 2</action>a mug 1{turn}<action>")) == (
        "<action>take mug 2</action><action>"
    )


def test_a_reply_without_an_end_goes_to_the_next_mark() -> None:
    assert "".join(find("<|reply|><action>take mug 2a mug 1<|acts|>a mug 1<|task|>")) == (
        "<action>take mug 2a mug 1<|acts|>"
    )


@given(st.lists(st.integers(0, 60), min_size=1, max_size=80), st.data())
def test_pieces_are_marked_as_the_whole(ids: list[int], data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(ids)))
    end = data.draw(st.integers(begin, len(ids)))
    whole = np.isin(ids, list(WANTED)) & ~MARKING.find_replies(np.array(ids))
    assert MARKING.mark(ids, begin, end, WANTED) == whole[begin:end].tolist()


def test_without_the_marks_there_are_no_replies() -> None:
    class Plain:
        def get_vocab(self) -> dict[str, int]:
            return {"a": 0}

    ids = [0, 1, 2]
    assert not Marking(Plain()).find_replies(np.array([ids])).any()
    assert Marking(Plain()).mark(ids, 0, 3, {1}) == [False, True, False]
