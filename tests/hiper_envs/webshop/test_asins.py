"""Products that are called otherwise in each episode."""

import gymnasium as gym
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiper_agents.agents.scripted import HastyBuyer
from hiper_envs import SubgoalWrapper, play_episode
from hiper_envs.webshop.asins import AsinCipher
from webshop_server.shop.actions import parse_click

ASINS = st.from_regex(r"B0[0-9A-Z]{8}", fullmatch=True)


def make_env(**options):
    options = {"split": "train_disjoint", "data": "generated:5000", **options}
    return gym.make("hiper/WebShop-v0", disable_env_checker=True, **options)


@given(st.integers(0, 2**31), st.lists(ASINS, min_size=2, max_size=20, unique=True))
def test_names_are_told_apart_and_found_again(seed, asins):
    cipher = AsinCipher(seed)
    hidden = [cipher.hide(asin) for asin in asins]
    assert [cipher.find(name) for name in hidden] == asins
    assert len(set(hidden)) == len(asins)
    assert [name[:3] for name in hidden] == [asin[:3] for asin in asins]
    assert [name.lower() for name in hidden] == [cipher.hide(asin.lower()) for asin in asins]


@given(st.integers(0, 99), st.text(max_size=12).filter(lambda text: text[:2].lower() != "b0"))
def test_other_texts_stay(seed, text):
    assert AsinCipher(seed).hide(text) == text == AsinCipher(seed).find(text)
    assert AsinCipher(seed).find_target(f"click[{text}]") == f"click[{text}]"


def test_only_the_names_differ_and_every_click_leads_where_it_would():
    plain, shuffled = make_env(), make_env(shuffle_asins=True)
    for task in (0, 700, 12_345):
        pages = [env.reset(seed=4, options={"task": task}) for env in (plain, shuffled)]
        assert pages[0] == pages[1]
        (text, info), (other, hidden) = (env.step("search[women's boots black 7]")[::4] for env in (plain, shuffled))
        assert text != other and len(text) == len(other)
        pairs = list(zip(info["clickables"], hidden["clickables"], strict=True))
        moved = [(asin, name) for asin, name in pairs if asin != name]
        assert len(moved) >= 9 and all(name.upper() in other and asin not in info.values() for asin, name in moved)
        state = plain.unwrapped.get_state(), shuffled.unwrapped.get_state()
        for asin, name in moved:
            results = plain.step(f"click[{asin}]"), shuffled.step(f"click[{name}]")
            assert results[0] == results[1] and "buy now" in results[0][4]["clickables"]
            assert [env.unwrapped.set_state(each)[0] for env, each in zip((plain, shuffled), state, strict=True)] == [
                text,
                other,
            ]


def test_episodes_differ_by_their_seed_alone():
    env = make_env(shuffle_asins=True)

    def show(seed):
        env.reset(seed=seed, options={"task": 5})
        return env.step("search[boots]")[0]

    assert show(1) == show(1) != show(2)


def test_a_basket_keeps_its_names_from_purchase_to_purchase():
    options = {"split": "train_disjoint", "data": "generated:5000", "num_products": 2, "shuffle_asins": True}
    env = gym.make("hiper/WebShopBasket-v0", **options)
    env.reset(seed=3)
    pages = []
    for _ in range(2):
        pages.append(env.step("search[boots]")[4]["clickables"])
        env.step(f"click[{pages[-1][-1]}]")
        assert env.step("click[buy now]")[4]["goals_bought"] == len(pages)
    plain = gym.make("hiper/WebShopBasket-v0", **{**options, "shuffle_asins": False})
    plain.reset(seed=3)
    assert pages[0] == pages[1] != plain.step("search[boots]")[4]["clickables"]


def test_an_agent_that_reads_buys_as_well():
    scores = [
        [play_episode(SubgoalWrapper(env), HastyBuyer(), task=task, seed=1).score for task in range(0, 2000, 200)]
        for env in (make_env(), make_env(shuffle_asins=True))
    ]
    assert scores[0] == scores[1] and max(scores[0]) == 1.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "test_disjoint"}, "not for 'test_disjoint': the others are frozen"),
        ({"observation": "html"}, "show the real asins"),
        ({"expert_plan": True}, "show the real asins"),
    ],
)
def test_frozen_tasks_and_pages_with_the_real_names_refuse_it(options, message):
    with pytest.raises(ValueError, match=message):
        make_env(shuffle_asins=True, **options)
    with pytest.raises(TypeError, match="shuffle_asins"):
        make_env(shuffle_asins="yes")


def test_a_click_that_names_no_product_is_none():
    assert AsinCipher(0).find_target("search[B0G0000000]") == "search[B0G0000000]"
    assert parse_click(AsinCipher(0).find_target("click[B0GAAAAAAA]")) != "b0gaaaaaaa"
