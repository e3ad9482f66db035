"""What the environment of baskets refuses, and what changes nothing in it."""

from typing import Any

import gymnasium as gym
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiper_envs.webshop.basket_env import WebShopBasketEnv
from hiper_envs.webshop.env import WebShopEnv
from tests.products import make_raw
from webshop_server import Catalogue

ID = "hiper/WebShopBasket-v0"


def test_states_of_another_kind_are_refused() -> None:
    env: Any = WebShopBasketEnv()
    env.reset(seed=1)
    position, session, bought = env.get_state()
    plain: Any = WebShopEnv()
    plain.reset(seed=1)
    others = [
        plain.get_state(), None, (), (position, session), (position, session, [session]), (-1, session, bought),
        (True, session, bought), (10**9, session, bought), (position, session, (session,)), (position, session, (1,)),
        (position + 1, session, bought), (str(position), session, bought),
    ]  # fmt: skip
    for other in others:
        with pytest.raises(TypeError, match=r"expected a state that get_state\(\) returned, not "):
            env.set_state(other)
    assert env.get_state() == (position, session, bought)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_products": 0}, "num_products must be an integer from 1, got 0"),
        ({"num_products": 9}, "num_products must be an integer from 1 to 8, got 9"),
        ({"num_products": 10**30}, "num_products must be an integer from 1 to 8"),
        ({"num_products": True}, r"num_products must be an integer from 1, got True \(bool\)"),
        ({"num_products": 2.0}, "num_products must be an integer from 1, got 2.0"),
        ({"num_products": "3"}, "num_products must be an integer from 1, got '3'"),
        ({"num_products": None}, "num_products must be an integer from 1, got None"),
        ({"num_product": 3}, "unknown option 'num_product'.* did you mean 'num_products'"),
        ({"reward": "per_gaol"}, "unknown reward 'per_gaol'; allowed: sparse, per_goal; did you mean 'per_goal'"),
        ({"reward": None}, "unknown reward None"),
        ({"max_turns": 0}, "max_turns must be an integer from 1, got 0"),
        ({"max_turns": "9"}, "max_turns must be an integer from 1, got '9'"),
        ({"split": "tain"}, "unknown split 'tain'.* did you mean 'train'"),
        ({"render_mode": "rgb_array"}, "needs browser='selenium'"),
    ],
)
@pytest.mark.parametrize("is_vector", [False, True])
def test_wrong_options_get_a_sentence(options: dict[str, Any], message: str, is_vector: bool) -> None:
    with pytest.raises(ValueError, match=message):
        if is_vector:
            gym.make_vec(ID, num_envs=2, vectorization_mode="vector_entry_point", **options)
        else:
            gym.make(ID, **options)


def test_too_few_products_get_a_sentence() -> None:
    few = Catalogue.from_raw(make_raw(f"B{number}") for number in range(3))
    with pytest.raises(ValueError, match="split 'all' has no basket of 4 products: its goals were made from too few"):
        gym.make(ID, split="all", data=few, num_products=4)
    env = gym.make(ID, split="all", data=Catalogue.from_raw(make_raw(f"B{number}") for number in range(20)))
    tasks = env.get_wrapper_attr("tasks")
    left_out = next(f"synthetic-{number}" for number in range(40) if f"synthetic-{number}" not in tasks)
    with pytest.raises(ValueError, match=f"unknown task '{left_out}'"):
        env.reset(options={"task": left_out})
    for seed in range(30):
        assert env.reset(seed=seed)[1]["task_id"] in tasks


@settings(max_examples=25)
@given(
    st.lists(st.one_of(st.text(), st.text().map("search[{}]".format), st.text().map("click[{}]".format)), max_size=8)
)
def test_hostile_actions_change_nothing(actions: list[str]) -> None:
    env = WebShopBasketEnv(observation="text_rich")
    env.reset(seed=1)
    for action in actions:
        observation, reward, terminated, _, info = env.step(action)
        assert env.observation_space.contains(observation)
        assert (reward, terminated, info["success"], info["goals_bought"]) == (0.0, False, False, 0)
