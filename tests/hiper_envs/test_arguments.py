"""A wrong type is told alike in both worlds, before anything has changed."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from hiper_envs import SubgoalWrapper
from hiper_envs.alfworld.env import ALFWorldEnv
from hiper_envs.webshop.env import WebShopEnv

WORLDS = (ALFWorldEnv, WebShopEnv)
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
