"""WebShop as an environment: conformance, tasks, drawing, snapshots, speed, bad input."""

import pickle
import time
from collections import Counter
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st

import hiper_envs  # noqa: F401  registers the ids
from hiper_envs.webshop.catalogues import open_catalogue
from tests.products import DATA, make_raw
from webshop_server import Catalogue
from webshop_server.catalogue.builder import build_archive

ID = "hiper/WebShop-v0"


@pytest.fixture(scope="module")
def env(small_catalogue: Catalogue) -> Any:
    """All hundred mug goals."""
    return gym.make(ID, split="all", data=small_catalogue, expert_plan=True)


@pytest.mark.parametrize("observation", ["text", "text_rich", "html"])
def test_conforms(small_catalogue: Catalogue, observation: str) -> None:
    check_env(gym.make(ID, split="all", data=small_catalogue, observation=observation).unwrapped)


def test_generated_catalogue_is_the_default() -> None:
    env = gym.make(ID)
    observation, info = env.reset(seed=7, options={"task": 3})
    assert observation.startswith("WebShop [SEP] Instruction: [SEP] ")
    assert info["instruction"] in observation
    assert info["admissible_actions"] == [f"search[{info['instruction']}]"]
    assert info["has_search_bar"] and info["clickables"] == ["search"]
    assert (info["success"], info["score"], info["task_id"]) == (False, 0.0, env.unwrapped.tasks[3])
    assert gym.make(ID, split="test").unwrapped.shop.catalogue is env.unwrapped.shop.catalogue


def test_real_files(shared: Path, real_catalogue: Catalogue) -> None:
    env: Any = gym.make(ID, data=str(shared / DATA), split="test")
    assert len(env.unwrapped.tasks) == 500
    for task in range(20):
        _, info = env.reset(options={"task": task})
        assert info["task_id"] == f"synthetic-{task}"
        for action in env.unwrapped.shop and ["search[shoes]", "click[next >]"]:
            _, reward, terminated, _, info = env.step(action)
            assert (reward, terminated) == (0.0, False)
        assert all(action.startswith("click[") for action in info["admissible_actions"])


def test_plan_wins(env: Any) -> None:
    _, info = env.reset(options={"task": 8})
    reward, terminated = 0.0, False
    for action in info["expert_plan"]:
        assert not terminated
        _, reward, terminated, _, info = env.step(action)
    assert terminated and reward == 1.0 and info["success"] and info["score"] == 1.0
    assert info["reward_parts"]["r_type"] == 1.0
    assert info["admissible_actions"] == [] and info["expert_plan"] == []


def test_fifteen_turns(env: Any) -> None:
    env.reset(options={"task": 0})
    ends = [env.step("think[hmm]")[3] for _ in range(15)]
    assert ends == [False] * 14 + [True]


def test_steps_after_the_end_change_nothing(env: Any) -> None:
    _, info = env.reset(options={"task": 8})
    for action in info["expert_plan"]:
        observation, _, _, _, info = env.step(action)
    again, reward, terminated, _, info_again = env.unwrapped.step("click[buy now]")
    assert (again, reward, terminated, info_again) == (observation, 0.0, True, info)


def test_every_admissible_action_is_one(env: Any) -> None:
    _, info = env.reset(options={"task": 4})
    for _ in range(6):
        state = env.unwrapped.get_state()
        for action in info["admissible_actions"]:
            env.unwrapped.set_state(state)
            assert env.unwrapped.shop.act(env.unwrapped.get_state()[1], action), action
        env.unwrapped.set_state(state)
        _, _, terminated, truncated, info = env.step(info["admissible_actions"][-1])
        if terminated or truncated:
            break


def test_snapshots(env: Any) -> None:
    env.reset(options={"task": 6})
    env.step("search[blue mug]")
    state = pickle.loads(pickle.dumps(env.unwrapped.get_state()))
    first = [env.step(action) for action in ("click[b000000001]", "click[blue]", "click[buy now]")]
    env.unwrapped.set_state(state)
    second = [env.step(action) for action in ("click[b000000001]", "click[blue]", "click[buy now]")]
    assert first == second


def test_seeds(env: Any) -> None:
    def play(seed: int) -> list[Any]:
        turns: list[Any] = [env.reset(seed=seed)]
        turns += [env.step(action) for action in ("search[<r>]", "click[next >]")]
        return [*turns, env.reset()]

    assert play(3) == play(3)
    assert play(3) != play(4)


def test_tasks(env: Any, small_catalogue: Catalogue) -> None:
    tasks = env.unwrapped.tasks
    assert len(tasks) == 100 and list(tasks)[:2] == tasks[:2] == ["synthetic-0", "synthetic-1"]
    assert "synthetic-99" in tasks and "synthetic-100" not in tasks and "human-1" not in tasks
    _, by_id = env.reset(options={"task": "synthetic-42"})
    _, by_position = env.reset(options={"task": np.int64(42)})
    assert by_id == by_position and by_id["instruction"] == small_catalogue.goals()[42].instruction
    disjoint: Any = gym.make(ID, split="test_disjoint", data=small_catalogue).unwrapped
    assert 0 < len(disjoint.tasks) < 100
    assert all(disjoint.reset(options={"task": task})[1]["task_id"] == task for task in disjoint.tasks)


def test_goals_of_a_product_are_a_group(env: Any, small_catalogue: Catalogue) -> None:
    inner = env.unwrapped
    goals = small_catalogue.goals()
    assert inner.group_key == "product"
    assert [inner.group_of(task) for task in inner.tasks] == [goal.asin for goal in goals]
    with pytest.raises(ValueError, match="unknown task 'synthetic-100'"):
        inner.group_of("synthetic-100")


@pytest.mark.parametrize("compat", ["fixed", "original"])
def test_goals_are_drawn_by_weight(compat: str) -> None:
    """A goal with a rare attribute weighs more; in the original goal 0 is never drawn and the others are shifted."""
    catalogue = Catalogue.generated(100, seed=1)
    env: Any = gym.make(ID, split="all", data=catalogue, compat=compat).unwrapped
    weights = np.array([goal.weight for goal in catalogue.goals()])
    env.reset(seed=0)
    counts = Counter(env.reset()[1]["task_id"] for _ in range(20_000))
    share = np.array([counts[task] for task in env.tasks]) / 20_000
    wanted = weights / weights.sum()
    if compat == "original":
        assert counts["synthetic-0"] == 0
        share, wanted = share[1:-1], wanted[:-2]
    assert np.abs(share - wanted).max() < 5 * np.sqrt(wanted.max() / 20_000)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "tain"}, "unknown split 'tain'.*did you mean 'train'"),
        ({"goals": "humann"}, "unknown kind of goals 'humann'"),
        ({"observation": "rich"}, "unknown observation 'rich'.*text_rich"),
        ({"browser": "firefox"}, "unknown browser 'firefox'"),
        ({"compat": "old"}, "unknown compat 'old'"),
        ({"price_seed": "0"}, "price_seed must be an integer"),
        ({"split": "train"}, "split 'train' is empty: this catalogue has 100 synthetic goals"),
    ],
)
def test_bad_options(small_catalogue: Catalogue, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        gym.make(ID, **{"split": "all", "data": small_catalogue, **options})


def test_bad_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        gym.make(ID, data=tmp_path / "nowhere")


@pytest.mark.parametrize("data", [7, 1.5, True, b"gen", ["gen"], {}])
def test_data_of_another_type(data: Any) -> None:
    with pytest.raises(ValueError, match=r"data takes the path of a folder, a Catalogue or None .*, not"):
        gym.make(ID, data=data)


def test_damaged_folder(tmp_path: Path) -> None:
    out = build_archive((make_raw(f"B0000000{number:02}") for number in range(50)), tmp_path / "built")
    with (out / "records.bin").open("r+b") as file:
        file.truncate(500)
    with pytest.raises(ValueError, match=r"damaged \(records.bin has 500 bytes, not \d+\); build it again"):
        gym.make(ID, split="all", data=out)


@pytest.mark.parametrize("state", [3, None, "state", (), (1, 2), (1, None, 3), ("1", "session")])
def test_states_of_another_type(env: Any, state: Any) -> None:
    env.reset(options={"task": 6})
    before = env.unwrapped.get_state()
    with pytest.raises(TypeError, match=r"expected a state that get_state\(\) returned, not "):
        env.unwrapped.set_state(state)
    assert env.unwrapped.get_state() == before


def test_bad_input(env: Any) -> None:
    env.reset()
    for action in (None, 3, b"search[x]", ["search[x]"]):
        with pytest.raises(TypeError, match="an action must be a string"):
            env.unwrapped.step(action)
    for options, message in (
        ({"tsk": 1}, "unknown reset option 'tsk'.*did you mean 'task'"),
        ({"task": 100}, "there is no task 100; the 100 tasks of this split are 0 to 99"),
        ({"task": -1}, "there is no task -1"),
        ({"task": "synthetic-1000"}, "unknown task 'synthetic-1000'"),
        ({"task": "synthetic-01"}, "unknown task"),
        ({"task": 1.0}, "must be a position in env.unwrapped.tasks"),
        ({"task": True}, "must be a position in env.unwrapped.tasks"),
    ):
        with pytest.raises(ValueError, match=message):
            env.reset(options=options)


def test_step_before_reset(small_catalogue: Catalogue) -> None:
    with pytest.raises(gym.error.ResetNeeded):
        gym.make(ID, split="all", data=small_catalogue).unwrapped.step("search[x]")


@settings(max_examples=40)
@given(
    st.lists(st.one_of(st.text(), st.text().map("search[{}]".format), st.text().map("click[{}]".format)), max_size=8)
)
def test_hostile_actions(small_catalogue: Catalogue, actions: list[str]) -> None:
    env: Any = gym.make(ID, split="all", data=small_catalogue, observation="text_rich").unwrapped
    env.reset(seed=1)
    for action in actions:
        observation, reward, terminated, _, info = env.step(action)
        assert env.observation_space.contains(observation)
        assert (reward, terminated, info["success"]) == (0.0, False, False)


def test_environments_share_what_is_large(small_catalogue: Catalogue) -> None:
    first, second = (gym.make(ID, split="all", data=small_catalogue).unwrapped for _ in range(2))
    assert first.shop is second.shop and first.tasks is second.tasks  # type: ignore[attr-defined]
    assert open_catalogue() is open_catalogue(None)


def test_steps_are_quick() -> None:
    env: Any = gym.make(ID, split="all").unwrapped
    rng = np.random.default_rng(0)
    instructions = [env.reset(options={"task": task})[1]["instruction"] for task in range(200)]
    num_steps, spent = 0, 0.0
    for _ in range(120):
        _, info = env.reset()
        start = time.process_time()
        terminated = False
        for _ in range(15):
            choices = info["admissible_actions"]
            asks = info["has_search_bar"] or rng.random() < 0.1
            action = f"search[{instructions[rng.integers(200)]}]" if asks else choices[rng.integers(len(choices))]
            _, _, terminated, _, info = env.step(action)
            num_steps += 1
            if terminated:
                break
        spent += time.process_time() - start
    assert num_steps / spent > 2_000, "a fifth of the usual speed in CPU time: something has become slow"
