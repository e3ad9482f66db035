"""The vector environment keeps Gymnasium's contract in all three autoreset modes."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import TimeLimit

from hiper_envs.vector import IDLE_ACTION, TextVectorEnv, batch_infos

MODES = [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP, AutoresetMode.DISABLED]


def script(rng: np.random.Generator, num_envs: int) -> list[str]:
    return [str(rng.choice(["forward", "back", "wait"])) for _ in range(num_envs)]


def assert_same_infos(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        if isinstance(value, dict):
            assert_same_infos(ours[key], value)
        elif key == "final_info":
            assert list(ours[key]) == list(value)
        else:
            mask = theirs.get(f"_{key}", np.ones(len(value), dtype=bool))
            assert [ours[key][i] for i in np.flatnonzero(mask)] == [value[i] for i in np.flatnonzero(mask)], key


@pytest.mark.parametrize("mode", MODES[:2])
def test_equals_gymnasiums_own_vector(corridor: Any, mode: AutoresetMode) -> None:
    ours = TextVectorEnv(corridor, 4, max_episode_steps=6, autoreset_mode=mode)
    theirs = SyncVectorEnv([lambda: TimeLimit(corridor(), 6)] * 4, autoreset_mode=mode)
    first, info = ours.reset(seed=5)
    expected, expected_info = theirs.reset(seed=5)
    assert first == expected
    assert_same_infos(info, expected_info)
    rng = np.random.default_rng(0)
    for _ in range(40):
        actions = script(rng, 4)
        got, want = ours.step(actions), theirs.step(tuple(actions))
        assert got[0] == want[0]
        assert all(np.array_equal(got[i], want[i]) for i in (1, 2, 3))
        assert_same_infos(got[4], want[4])


def test_disabled_mode_resets_by_mask_and_refuses_to_go_on(corridor: Any) -> None:
    vector = TextVectorEnv(corridor, 2, autoreset_mode="Disabled")
    vector.reset(options={"task": [0, 2]})
    for _ in range(2):
        _, _, terminated, _, _ = vector.step(["forward", "forward"])
    assert terminated.tolist() == [True, False]
    with pytest.raises(ValueError, match=r"episodes of sub-environments \[0\] are over"):
        vector.step(["forward", "forward"])
    texts, infos = vector.reset(options={"reset_mask": terminated, "task": 1})
    assert texts == ("You stand at 0 of 3.", "You stand at 2 of 5.")
    assert infos["_task_id"].tolist() == [True, False]


def test_tasks_one_for_each_or_one_for_all(corridor: Any) -> None:
    vector = TextVectorEnv(corridor, 3)
    _, infos = vector.reset(options={"task": ["corridor-5", 0, 1]})
    assert infos["task_id"].tolist() == ["corridor-5", "corridor-2", "corridor-3"]
    _, infos = vector.reset(options={"task": 2})
    assert infos["task_id"].tolist() == ["corridor-5"] * 3


def test_groups_share_a_task(corridor: Any) -> None:
    vector = TextVectorEnv(corridor, 12, group_size=4)
    tasks = vector.reset(seed=1)[1]["task_id"].tolist()
    assert [len(set(tasks[i : i + 4])) for i in (0, 4, 8)] == [1, 1, 1]
    assert len(set(tasks)) > 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"num_envs": 0}, "num_envs must be a positive multiple"),
        ({"num_envs": 3, "group_size": 2}, "num_envs must be a positive multiple"),
        ({"num_envs": "3"}, r"num_envs must be an integer, got '3' \(str\)"),
        ({"num_envs": True}, r"num_envs must be an integer, got True \(bool\)"),
        ({"num_envs": 2, "group_size": 2.0}, "group_size must be an integer"),
        ({"max_episode_steps": 0}, "max_episode_steps must be an integer from 1, got 0"),
        ({"subgoals": "false"}, r"subgoals must be True or False, got 'false' \(str\)"),
        ({"num_envs": 1, "autoreset_mode": "SameSteps"}, "did you mean 'SameStep'"),
    ],
)
def test_bad_options_get_a_sentence(corridor: Any, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        TextVectorEnv(corridor, **options)


def test_bad_calls_get_a_sentence(corridor: Any) -> None:
    vector = TextVectorEnv(corridor, 2)
    vector.reset()
    with pytest.raises(ValueError, match="step needs 2 actions"):
        vector.step("forward")
    with pytest.raises(ValueError, match="one seed for each"):
        vector.reset(seed=[1])
    with pytest.raises(ValueError, match="one task for each"):
        vector.reset(options={"task": [1]})
    with pytest.raises(ValueError, match="reset_mask"):
        vector.reset(options={"reset_mask": [0, 1]})
    for actions in (None, 3, b"xy", {"a": 1, "b": 2}, np.str_("ab")):
        with pytest.raises(TypeError, match="step needs 2 actions"):
            vector.step(actions)
    for seed in ("x", True, 1.5, ["x", 1], [True, 2], b"ab"):
        with pytest.raises(TypeError, match="seed must be an integer from 0"):
            vector.reset(seed=seed)
    with pytest.raises(TypeError, match="options must be a dictionary"):
        vector.reset(options=5)


@pytest.mark.parametrize("mode", MODES)
def test_a_policy_can_choose_for_every_row_whatever_is_over(mode: AutoresetMode) -> None:
    """WebShop offers nothing on the page after a purchase; the row holds an action that nobody carries out."""
    vector = gym.make_vec(
        "hiper/WebShop-v0", num_envs=3, vectorization_mode="vector_entry_point", autoreset_mode=mode, split="test"
    )
    rng = np.random.default_rng(0)
    _, infos = vector.reset(seed=1)
    num_idle = 0
    for _ in range(60):
        actions = [str(rng.choice(row)) for row in infos["admissible_actions"]]
        _, _, terminated, truncated, infos = vector.step(actions)
        num_idle += sum(row == [IDLE_ACTION] for row in infos["admissible_actions"])
        over = terminated | truncated
        if mode is AutoresetMode.DISABLED and over.any():
            with pytest.raises(ValueError, match="are over: reset them"):
                vector.step([str(rng.choice(row)) for row in infos["admissible_actions"]])
            _, infos = vector.reset()
    assert (num_idle > 3) == (mode is not AutoresetMode.SAME_STEP)


def test_renders_every_row() -> None:
    vector = gym.make_vec(
        "hiper/ALFWorld-v0",
        num_envs=2,
        vectorization_mode="vector_entry_point",
        render_mode="ansi",
        max_episode_steps=5,
    )
    texts, _ = vector.reset(seed=0)
    assert vector.render() == texts and vector.render_mode == "ansi" and vector.metadata["render_modes"] == ["ansi"]


def test_lists_of_equal_length_stay_lists() -> None:
    batched = batch_infos([{"a": ["x", "y"]}, {"a": ["z", "w"]}])
    assert batched["a"].tolist() == [["x", "y"], ["z", "w"]] and batched["a"].shape == (2,)


def test_call_and_close(corridor: Any) -> None:
    vector = TextVectorEnv(corridor, 2)
    assert vector.call("step_reward") == (-0.125, -0.125)
    vector.close()
