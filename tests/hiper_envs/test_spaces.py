"""The text space takes any Unicode and survives every way of making vectors."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector.utils import batch_space

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


def test_text_crosses_processes_unharmed_or_not_at_all(corridor: type[gym.Env[str, str]]) -> None:
    """`gymnasium.spaces.Text` in shared memory silently comes back as other text; ours never goes there."""
    with pytest.raises(ValueError, match="shared_memory=False"):
        gym.vector.AsyncVectorEnv([corridor] * 2)
    vector = gym.vector.AsyncVectorEnv([corridor] * 2, shared_memory=False)
    try:
        texts, _ = vector.reset(options={"task": 1})
        assert texts == ("You stand at 0 of 3.", "You stand at 0 of 3.")
        texts, *_ = vector.step(("forward", "wait"))
        assert texts == ("You stand at 1 of 3.", "You stand at 0 of 3.")
    finally:
        vector.close()
