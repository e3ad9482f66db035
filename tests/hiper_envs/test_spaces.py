"""The text space takes any Unicode and survives every way of making vectors."""

import copy
import pickle
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import utils as flattening
from gymnasium.vector import utils as batching
from gymnasium.vector.utils import batch_space
from gymnasium.wrappers.utils import create_zero_array
from hypothesis import given
from hypothesis import strategies as st

from hiper_envs import UnicodeText


def test_contains_any_string_up_to_the_length() -> None:
    space = UnicodeText(max_length=4)
    assert "é你🙂\n" in space and "" in space
    assert "12345" not in space and 3 not in space and None not in space and np.str_("ok") in space


def test_samples_are_members_and_repeatable() -> None:
    space, twin = UnicodeText(seed=3), UnicodeText(seed=3)
    drawn = [space.sample() for _ in range(50)]
    assert drawn == [twin.sample() for _ in range(50)]
    assert all(text in space for text in drawn) and len(set(drawn)) > 3


def test_sample_refuses_a_mask() -> None:
    with pytest.raises(ValueError, match="takes neither mask"):
        UnicodeText().sample(mask=1)


def test_equal_spaces() -> None:
    assert UnicodeText() == UnicodeText() and hash(UnicodeText()) == hash(UnicodeText())
    assert UnicodeText(3) != UnicodeText(4) and UnicodeText() != gym.spaces.Discrete(2)


def test_batches_as_a_tuple() -> None:
    batched = batch_space(UnicodeText(), 2)
    assert isinstance(batched, gym.spaces.Tuple) and ("a", "é") in batched


@pytest.mark.parametrize("options", [{}, {"shared_memory": False}, {"copy": False}, {"context": "spawn"}])
def test_texts_cross_processes_unharmed(corridor: type[gym.Env[str, str]], options: dict[str, Any]) -> None:
    """`gymnasium.spaces.Text` in shared memory silently comes back as other text."""
    vector = gym.vector.AsyncVectorEnv([corridor] * 2, **options)
    try:
        first, _ = vector.reset(options={"task": 1})
        assert tuple(first) == ("You stand at 0 of 3.", "You stand at 0 of 3.")
        texts, *_ = vector.step(("forward", "wait"))
        assert tuple(texts) == ("You stand at 1 of 3.", "You stand at 0 of 3.")
        assert (first is texts) == (options == {"copy": False})
        assert copy.deepcopy(texts) in vector.observation_space
    finally:
        vector.close()


def test_both_vectors_of_gymnasium_play_a_world_alike() -> None:
    sync, shared = (
        gym.make_vec("hiper/ALFWorld-v0", num_envs=2, vectorization_mode=mode, split="valid_unseen")
        for mode in ("sync", "async")
    )
    try:
        assert sync.reset(seed=3)[0] == shared.reset(seed=3)[0]
        for action in ("look", "inventory"):
            assert sync.step((action,) * 2)[0] == shared.step((action,) * 2)[0]
    finally:
        sync.close()
        shared.close()


anything = st.text(st.characters(codec=None, exclude_categories=()), max_size=9)


@given(st.lists(anything, min_size=1, max_size=4))
def test_space_functions_bring_any_text_back(texts: list[str]) -> None:
    space = UnicodeText(9)
    memory = batching.create_shared_memory(space, len(texts))
    for index, text in enumerate(texts):
        flat = flattening.flatten(space, text)
        assert flat in flattening.flatten_space(space) and len(flat) == flattening.flatdim(space)
        assert flattening.unflatten(space, flat) == text
        batching.write_to_shared_memory(space, index, text, memory)
    shared = batching.read_from_shared_memory(space, memory, len(texts))
    assert list(shared) == texts and shared[-1:] == (texts[-1],) and shared == tuple(texts)
    assert copy.deepcopy(shared) == pickle.loads(pickle.dumps(shared)) == tuple(texts)


def test_texts_inside_other_spaces() -> None:
    space = gym.spaces.Dict(text=UnicodeText(6), number=gym.spaces.Discrete(3), pair=gym.spaces.Tuple([UnicodeText(4)]))
    space.seed(1)
    sample = space.sample()
    assert flattening.unflatten(space, flattening.flatten(space, sample)) == sample
    batched = batching.batch_space(space, 3)
    items = list(batching.iterate(batched, batched.sample()))
    assert len(items) == 3 and all(item in space for item in items)
    joined = batching.concatenate(space, items, batching.create_empty_array(space, 3))
    assert joined in batched and joined["text"] == tuple(item["text"] for item in items)
    assert list(batching.iterate(batched, joined)) == items
    assert create_zero_array(space)["text"] == ""
    assert batching.create_empty_array(UnicodeText(), 2) == ("", "")


def test_spaces_that_differ() -> None:
    batched = batching.batch_differing_spaces([UnicodeText(2), UnicodeText(4)])
    assert ("ab", "abcd") in batched and ("abc", "abcd") not in batched
    assert not flattening.is_space_dtype_shape_equiv(UnicodeText(2), UnicodeText(4))
    assert flattening.is_space_dtype_shape_equiv(UnicodeText(2), UnicodeText(2))


def test_a_text_too_long_for_shared_memory_gets_a_sentence() -> None:
    memory = batching.create_shared_memory(UnicodeText(), 1)
    with pytest.raises(ValueError, match=r"300,000 bytes does not fit the 262,144 .* shared_memory=False"):
        batching.write_to_shared_memory(UnicodeText(), 0, "x" * 300_000, memory)


def test_samples_that_are_too_long_are_left_out() -> None:
    space = UnicodeText(4, seed=0)
    assert all(space.sample() in space for _ in range(50))
    with pytest.raises(ValueError, match="none of the samples has at most 2 characters"):
        UnicodeText(2, samples=["abc"])
    with pytest.raises(TypeError, match=r"max_length must be an integer from 0, got '4' \(str\)"):
        UnicodeText("4")  # type: ignore[arg-type]
