"""A wrong type is told alike in both worlds, before anything has changed."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from hiper_envs import SubgoalWrapper
from hiper_envs.alfworld.env import ALFWorldEnv
from hiper_envs.webshop.basket_env import WebShopBasketEnv
from hiper_envs.webshop.env import WebShopEnv

WORLDS = (ALFWorldEnv, WebShopEnv, WebShopBasketEnv)
EITHER = (TypeError, ValueError)


@pytest.mark.parametrize("make", WORLDS)
@pytest.mark.parametrize("action", [None, 5, b"x", ["look"], 1.5, True])
def test_actions(make: Any, action: Any) -> None:
    env = make()
    env.reset(seed=0)
    before = env.get_state()
    with pytest.raises(TypeError, match=r"an action must be a string such as '.*', got .* \(\w+\)") as caught:
        env.step(action)
    assert isinstance(caught.value, ValueError) and env.get_state() == before


@pytest.mark.parametrize("make", WORLDS)
def test_strings_of_numpy_are_strings(make: Any) -> None:
    env = make()
    _, info = env.reset(seed=np.int64(0), options={"task": np.int64(2)})
    again = make().reset(seed=0, options={"task": np.str_(info["task_id"])})
    assert again[1] == info and type(again[1]["task_id"]) is str
    action = info["admissible_actions"][-1]
    state = env.get_state()
    first = env.step(action)
    env.set_state(state)
    assert env.step(np.str_(action)) == first


@pytest.mark.parametrize("make", WORLDS)
@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ({"seed": "x"}, r"^seed must be an integer from 0, got 'x' \(str\)$"),
        ({"seed": True}, r"^seed must be an integer from 0, got True \(bool\)$"),
        ({"seed": 1.0}, r"^seed must be an integer from 0, got 1.0 \(float\)$"),
        ({"seed": -1}, r"^seed must be an integer from 0, got -1$"),
        ({"options": 5}, r"^options must be a dictionary such as \{'task': 0\}, or None, got 5 \(int\)$"),
        ({"options": "task"}, r"^options must be a dictionary"),
        ({"options": [("task", 1)]}, r"^options must be a dictionary"),
        ({"options": {"unknown": 1}}, r"^unknown reset option 'unknown'; allowed: task$"),
        ({"options": {"taks": 1}}, r"^unknown reset option 'taks'; .* did you mean 'task'"),
        ({"options": {3: 1}}, r"^unknown reset option 3; allowed: task$"),
        ({"options": {"task": 1.0}}, r"^options\['task'\] must be a position .*, or a task's id, got 1.0 \(float\)$"),
        ({"options": {"task": True}}, r"got True \(bool\)$"),
        ({"options": {"task": b"x"}}, r"got b'x' \(bytes\)$"),
        ({"options": {"task": [1]}}, r"got \[1\] \(list\)$"),
        ({"options": {"task": np.array([1])}}, r"got array\(\[1\]\) \(ndarray\)$"),
        ({"options": {"task": -1}}, r"^there is no task -1; the \d+ tasks of this split are 0 to \d+$"),
        ({"options": {"task": 10**12}}, r"^there is no task 1000000000000; the \d+ tasks"),
        ({"options": {"task": "x"}}, r"^unknown task 'x': there is no task of that name in split 'train'; "),
    ],
)
def test_resets(make: Any, call: dict[str, Any], sentence: str) -> None:
    env = make()
    env.reset(seed=5)
    before, generator = env.get_state(), env.np_random.bit_generator.state
    for each in (env, SubgoalWrapper(env)):
        with pytest.raises(EITHER, match=sentence):
            each.reset(**call)
    assert env.get_state() == before and env.np_random.bit_generator.state == generator


@pytest.mark.parametrize("make", WORLDS)
@pytest.mark.parametrize("value", ["false", "True", 0, 1, None, [], np.array([True])])
def test_flags(make: Any, value: Any) -> None:
    names = ["expert_plan", "shuffle_names"] if make is ALFWorldEnv else ["expert_plan"]
    for name in names:
        with pytest.raises(EITHER, match=rf"^{name} must be True or False, got "):
            make(**{name: value})
        with pytest.raises(EITHER, match=rf"^{name} must be True or False, got "):
            env_id = "hiper/ALFWorld-v0" if make is ALFWorldEnv else "hiper/WebShop-v0"
            gym.make(env_id, **{name: value})
    assert make(expert_plan=np.True_).reset(seed=0)[1]["expert_plan"]


@pytest.mark.parametrize("make", WORLDS)
@pytest.mark.parametrize("value", [5, None, True, b"train", ["train"]])
def test_names(make: Any, value: Any) -> None:
    for name in ("split", "engine") if make is ALFWorldEnv else ("split", "goals", "observation", "browser", "compat"):
        with pytest.raises(ValueError, match=r"^unknown [\w ]+ .*; allowed: "):
            make(**{name: value})


@pytest.mark.parametrize("value", ["0", True, 1.0, None])
def test_price_seeds(value: Any) -> None:
    with pytest.raises(EITHER, match=r"^price_seed must be an integer, got "):
        WebShopEnv(price_seed=value)


class Unwritable:
    """Cannot even be compared."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no")

    def __repr__(self) -> str:
        raise RuntimeError("no")


NO_GAMES = [np.array(["a", "b"]), np.array(3), {"a"}, set(), b"x", {}, 5, [None], Unwritable(), [Unwritable()]]


@pytest.mark.parametrize("value", NO_GAMES, ids=[str(number) for number in range(len(NO_GAMES))])
def test_what_means_no_games_and_no_products(value: Any) -> None:
    with pytest.raises(EITHER, match=r"^games= takes a folder|a is no game file"):
        ALFWorldEnv(games=value)
    with pytest.raises(EITHER, match=r"^data takes the path of a folder, .*\(\w+\)$"):
        WebShopEnv(data=value)


@pytest.mark.parametrize("path", ["", " ", "a\0b", "\ud800"])
def test_what_is_no_path(path: str) -> None:
    for games in (path, [path]):
        with pytest.raises(ValueError, match=r"^games= takes a folder, .* not .*(empty text|, which is no path: )"):
            ALFWorldEnv(games=games)


@pytest.mark.parametrize("value", [5, True, b"x", ["x"], np.array(["x", "y"]), Unwritable()], ids=range(6))
def test_digests_of_catalogues(value: Any) -> None:
    with pytest.raises(EITHER, match=r"^this catalogue has the digest \w+, not .* as asked for"):
        WebShopEnv(catalogue_digest=value)


@pytest.mark.parametrize("make", WORLDS)
@pytest.mark.parametrize("value", [None, 5, "x", (), ("x", 5), np.array([1]), Unwritable()], ids=range(7))
def test_states(make: Any, value: Any) -> None:
    env = make()
    env.reset(seed=0)
    before = env.get_state()
    with pytest.raises(EITHER, match=r"^expected a state that get_state\(\) returned, not .* \(\w+\)$"):
        env.set_state(value)
    assert env.get_state() == before


@pytest.mark.parametrize("make", WORLDS)
@pytest.mark.parametrize("name", ["x" * 100_000, Unwritable()], ids=["long", "unwritable"])
def test_no_sentence_is_as_long_as_a_name(make: Any, name: Any) -> None:
    with pytest.raises(ValueError, match=r"^unknown split .*; allowed: train") as caught:
        make(split=name)
    assert len(str(caught.value)) < 500


def test_mistyped_tasks_get_the_nearest() -> None:
    for make, typed in ((ALFWorldEnv, "pick_and_place"), (WebShopEnv, "sythetic-1600")):
        env = make(split="train")
        task = env.tasks[100]
        wrong = task.replace("pick", "pik") if make is ALFWorldEnv else typed
        with pytest.raises(ValueError, match=f"unknown task '{wrong}'.* did you mean '"):
            env.reset(options={"task": wrong})
    shop = WebShopEnv(split="test")
    for typed, nearest in (("synthetic-1600", "synthetic-499"), ("synthetic-007", "synthetic-7")):
        with pytest.raises(ValueError, match=f"did you mean '{nearest}'"):
            shop.reset(options={"task": typed})
    with pytest.raises(ValueError, match="they are named like 'synthetic-0'"):
        shop.reset(options={"task": "train/pick_and_place"})
