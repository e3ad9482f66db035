"""Environments are pickled and deep-copied in mid-episode, and the copies play on exactly as the originals."""

import copy
import gc
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import gymnasium as gym
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiper_envs import MilestoneWrapper, SubgoalWrapper, write_reply
from hiper_envs.alfworld.env import ALFWorldEnv
from tests.hiper_envs.alfworld.official.marks import needs_official
from tests.products import make_raw
from webshop_server import Catalogue
from webshop_server.catalogue.builder import build_archive

WORLDS = ("hiper/ALFWorld-v0", "hiper/ALFWorldLong-v0", "hiper/WebShop-v0", "hiper/WebShopBasket-v0")
ROOT = Path(__file__).parents[2]
LARGEST_PICKLE = 8_000
SEVERAL_GOALS = {"hiper/WebShopBasket-v0": 3}


def pickled(env: Any) -> Any:
    return pickle.loads(pickle.dumps(env))


COPIES: list[Callable[[Any], Any]] = [pickled, copy.deepcopy, copy.copy]


def play(env: Any, info: dict[str, Any], rng: Random, num_turns: int) -> list[Any]:
    """Play at random, each time with another subgoal now and then; begin anew after an end."""
    seen: list[Any] = []
    for _ in range(num_turns):
        action = rng.choice(info["admissible_actions"] or ["wait"])
        step = env.step(write_reply(action, rng.choice("ab"), rng.random() < 0.3) if "segment" in info else action)
        info = step[4]
        seen.append(step)
        if step[2] or step[3]:
            text, info = env.reset()
            seen.append((text, info))
    return seen


def make(env_id: str, is_wrapped: bool, **options: Any) -> Any:
    env = gym.make(env_id, **options)
    return SubgoalWrapper(MilestoneWrapper(env)) if is_wrapped else env


@pytest.mark.parametrize("env_id", WORLDS)
@pytest.mark.parametrize("is_wrapped", [False, True])
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**31), num_turns=st.integers(0, 20))
def test_copies_play_on_as_the_original(env_id: str, is_wrapped: bool, seed: int, num_turns: int) -> None:
    env = make(env_id, is_wrapped, expert_plan=True)
    _, info = env.reset(seed=seed)
    seen = play(env, info, Random(seed), num_turns)
    info = seen[-1][-1] if seen else info
    assert len(pickle.dumps(env)) < LARGEST_PICKLE * SEVERAL_GOALS.get(env_id, 1)
    copies = [pickled(env), copy.deepcopy(env), copy.deepcopy(pickled(env))]
    expected = play(env, info, Random(seed + 1), 25)
    for each in copies:
        assert play(each, info, Random(seed + 1), 25) == expected
        assert each.spec == env.spec


@pytest.mark.parametrize("env_id", WORLDS)
@pytest.mark.parametrize("make_copy", COPIES)
def test_a_copy_goes_its_own_way(env_id: str, make_copy: Callable[[Any], Any]) -> None:
    env = gym.make(env_id).unwrapped
    _, info = env.reset(seed=1)
    other = make_copy(env)
    before = env.get_state()  # type: ignore[attr-defined]
    assert other.get_state() == before
    other.step(info["admissible_actions"][0])
    assert env.get_state() == before  # type: ignore[attr-defined]


@pytest.mark.parametrize("env_id", WORLDS)
def test_before_the_first_reset_and_after_the_end(env_id: str) -> None:
    env = gym.make(env_id)
    with pytest.raises(gym.error.ResetNeeded):
        pickled(env).unwrapped.step("look")
    assert pickled(env).reset(seed=2) == env.reset(seed=2)
    env.close()
    assert pickled(env).reset(seed=3) == env.reset(seed=3)


def test_what_is_large_is_shared_and_never_pickled(small_catalogue: Catalogue) -> None:
    env: Any = gym.make("hiper/WebShop-v0", split="all", data=small_catalogue)
    env.reset(seed=1)
    for each in (pickled(env), copy.deepcopy(env)):
        assert each.unwrapped.shop is env.unwrapped.shop and each.unwrapped.tasks is env.unwrapped.tasks
    assert copy.deepcopy(small_catalogue) is copy.copy(small_catalogue) is pickled(small_catalogue) is small_catalogue
    house: Any = gym.make("hiper/ALFWorld-v0")
    assert copy.deepcopy(house).unwrapped.tasks is house.unwrapped.tasks == pickled(house).unwrapped.tasks


@pytest.mark.parametrize("products", [0, 2])
def test_a_catalogue_that_has_gone_gets_a_sentence(products: int, tmp_path: Path) -> None:
    """The folder is empty, or another catalogue lies there."""
    folder = build_archive([make_raw("B1")], tmp_path / "built")
    saved = pickle.dumps(Catalogue(folder))
    gc.collect()
    shutil.rmtree(folder)
    if products:
        build_archive([make_raw(f"B{number}") for number in range(products)], folder)
    with pytest.raises(ValueError, match="is another one than was pickled" if products else "cannot be read"):
        pickle.loads(saved)


PLAY_ON = """
import pickle, sys
env = pickle.load(sys.stdin.buffer)
sys.stdout.write(ascii([env.step(action) for action in ("look", "search[red shoes]", "inventory", "click[next >]")]))
"""


@pytest.mark.parametrize("env_id", WORLDS)
def test_another_process_goes_on(env_id: str) -> None:
    env = SubgoalWrapper(MilestoneWrapper(gym.make(env_id)))
    env.reset(seed=4)
    env.step("search[lamp]")
    done = subprocess.run(
        [sys.executable, "-c", PLAY_ON],
        input=pickle.dumps(env),
        capture_output=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    steps = [env.step(action) for action in ("look", "search[red shoes]", "inventory", "click[next >]")]
    assert done.stdout.decode() == ascii(steps)


def test_relative_folders_are_found_from_elsewhere(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shared / "gold" / "alfworld")
    env = ALFWorldEnv(games="games")
    env.reset(options={"task": 5})
    saved = pickle.dumps(env)
    monkeypatch.chdir(tmp_path)
    assert pickle.loads(saved).step("look") == env.step("look")
    assert len(saved) < LARGEST_PICKLE
    env.reset(options={"task": 6})  # a game that was not read before
    listed = ALFWorldEnv(games=iter([shared / "gold" / "alfworld" / "games" / "edge-E9_two_locations.tw-pddl.gz"]))
    assert pickled(listed).tasks == listed.tasks


def test_copies_play_the_same_games_whatever_the_variable_says(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train").symlink_to(shared / "gold" / "alfworld" / "games")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ALFWORLD_DATA", raising=False)
    generated = pickle.dumps(ALFWorldEnv())
    monkeypatch.setenv("ALFWORLD_DATA", "data/")
    real = ALFWorldEnv()
    saved = pickle.dumps(real)
    assert pickle.loads(saved).tasks == real.tasks
    assert len(pickle.loads(generated).tasks) == 3553
    for name in (None, "elsewhere", "~nobody-of-this-name/data"):
        if name:
            monkeypatch.setenv("ALFWORLD_DATA", name)
        else:
            monkeypatch.delenv("ALFWORLD_DATA")
        with pytest.raises(FileNotFoundError, match="released games of 'train' are needed"):
            pickle.loads(saved)


@needs_official
def test_the_official_engine_plays_the_way_again(shared: Path) -> None:
    game = shared / "gold" / "alfworld" / "games" / "edge-E9_two_locations.tw-pddl.gz"
    env = ALFWorldEnv(games=game, engine="textworld", render_mode="ansi", expert_plan=True)
    _, info = env.reset()
    for action in info["admissible_actions"][:3]:
        env.step(action)
    other = pickled(env)
    assert other.render() == env.render()
    assert other.step("look") == env.step("look")
    state = env.get_state()
    env.set_state(state)
    assert env.render() == other.render() and env.get_state() == state
    env.close()
    other.close()


@pytest.mark.parametrize("env_id", WORLDS)
@pytest.mark.parametrize("subgoals", [False, True])
def test_vectors_are_copied_too(env_id: str, subgoals: bool) -> None:
    vector: Any = gym.make_vec(env_id, num_envs=4, vectorization_mode="vector_entry_point", subgoals=subgoals)
    _, infos = vector.reset(seed=2)
    rng = Random(0)
    for _ in range(7):
        *_, infos = vector.step([rng.choice(row) for row in infos["admissible_actions"]])
    copies = [pickled(vector), copy.deepcopy(vector)]
    assert len(pickle.dumps(vector)) < 4 * LARGEST_PICKLE * SEVERAL_GOALS.get(env_id, 1)
    for _ in range(30):
        actions = [rng.choice(row) for row in infos["admissible_actions"]]
        texts, rewards, _, _, infos = vector.step(actions)
        for each in copies:
            step = each.step(actions)
            assert step[0] == texts and step[1].tolist() == rewards.tolist()
