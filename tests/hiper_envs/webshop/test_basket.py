"""Baskets: which goals, what is said, what is paid; one product is the plain world."""

import pickle
from dataclasses import replace
from random import Random
from typing import Any

import gymnasium as gym
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hiper_envs
from hiper_envs import MilestoneWrapper, SubgoalWrapper, write_reply
from hiper_envs.webshop.basket_env import WebShopBasketEnv
from hiper_envs.webshop.reading import Purchases, read_basket, read_purchases, read_wish
from tests.products import make_raw
from webshop_server import Catalogue, score_purchase
from webshop_server.shop.page_text import join_text
from webshop_server.site.page_reader import read_nodes

ID = "hiper/WebShopBasket-v0"
NEW = ("goals_bought",)


def walk(info: dict[str, Any], rng: Random) -> str:
    """Return an action: a search that finds something, a purchase now and then, or whatever the page offers."""
    if info["has_search_bar"] or rng.random() < 0.05:
        return rng.choice([*info["admissible_actions"], "search[<r> mugs]", "search[red]"])
    if "buy now" in info["clickables"] and rng.random() < 0.4:
        return "click[buy now]"
    return rng.choice([*info["admissible_actions"], "click[nothing]"])


def without_new(step: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*step[:-1], {name: value for name, value in step[-1].items() if name not in NEW})


@pytest.mark.parametrize("observation", ["text", "text_rich", "html"])
@pytest.mark.parametrize("compat", ["fixed", "original"])
@pytest.mark.parametrize("reward", ["sparse", "per_goal"])
@settings(max_examples=5)
@given(seed=st.integers(0, 2**31))
def test_one_product_is_the_plain_world(observation: str, compat: str, reward: str, seed: int) -> None:
    options: dict[str, Any] = {"observation": observation, "compat": compat, "expert_plan": True, "split": "all"}
    plain = MilestoneWrapper(gym.make("hiper/WebShop-v0", render_mode="ansi", **options))
    basket = MilestoneWrapper(gym.make(ID, num_products=1, reward=reward, render_mode="ansi", **options))
    assert list(plain.get_wrapper_attr("tasks")[:50]) == list(basket.get_wrapper_attr("tasks")[:50])
    step: tuple[Any, ...] = plain.reset(seed=seed)
    assert without_new(basket.reset(seed=seed)) == step
    rng = Random(seed)
    for _ in range(40):
        if len(step) == 5 and (step[2] or step[3]):
            assert plain.get_wrapper_attr("render")() == basket.get_wrapper_attr("render")()
            step = plain.reset()
            other: tuple[Any, ...] = basket.reset()
        else:
            action = walk(step[-1], rng)
            step, other = plain.step(action), basket.step(action)
        assert without_new(other) == step
        assert other[-1]["goals_bought"] == int("reward_parts" in step[-1])


def play(env: Any, seed: int) -> list[tuple[Any, ...]]:
    """Play at random to the end; each turn is what was clicked on and what came of it."""
    _, info = env.reset(seed=seed)
    rng, turns, is_over = Random(seed), [], False
    while not is_over:
        action = walk(info, rng)
        before = env.unwrapped.get_state()[1]
        _, reward, terminated, truncated, info = env.step(action)
        turns.append((action, reward, info, before))
        is_over = terminated or truncated
    return turns


@pytest.mark.parametrize("num_products", [2, 3, 8])
@settings(max_examples=10)
@given(seed=st.integers(0, 2**31))
def test_scores_are_those_of_a_reference(num_products: int, seed: int) -> None:
    """All that is paid so far is compared with the sum that the sentence tells; the rest is the plain world's score."""
    source = Catalogue.generated(100, seed=3)
    env = gym.make(ID, data=source, num_products=num_products, split="all", max_turns=2000)
    turns = play(env, seed)
    goals, members = source.goals(), env.unwrapped._source.list_members(env.unwrapped._position)  # type: ignore[attr-defined]
    budget = read_basket(turns[0][2]["instruction"]).budget
    assert budget is not None and budget == sum(goals[each].price_upper for each in members)
    totals: list[float] = []
    paid = 0.0
    for action, reward, info, before in turns:
        if info["goals_bought"] > len(totals):
            asin = source.products.read(before.number).asin
            price = source.price(asin)
            paid += price
            goal = goals[members[len(totals)]]
            own = score_purchase(source.products[asin], before.options, goal, goal.price_upper)  # a price that fits
            misses = 0.0 if paid <= budget else own.w_price * own.r_type
            totals.append(own.total - misses)
            assert action == "click[buy now]"
        assert info["score"] == pytest.approx(sum(totals) / num_products)
        assert info["goals_bought"] == len(totals)
        is_end = len(totals) == num_products
        assert reward == (info["score"] if is_end else 0.0)
        assert info["success"] == (is_end and min(totals) >= 1 - 1e-9)
        assert ("reward_parts" in info) == is_end
    assert len(totals) == num_products
    parts = turns[-1][2]["reward_parts"]
    assert [parts[f"{number}: total"] for number in range(1, num_products + 1)] == pytest.approx(totals)


@settings(max_examples=10)
@given(seed=st.integers(0, 2**31))
def test_both_rewards_come_to_the_same(seed: int) -> None:
    sparse, per_goal = (play(gym.make(ID, reward=kind, max_turns=2000), seed) for kind in ("sparse", "per_goal"))
    assert [turn[0] for turn in sparse] == [turn[0] for turn in per_goal]
    assert sparse[-1][1] == pytest.approx(sum(turn[1] for turn in per_goal)) == sparse[-1][2]["score"]
    bought = 0
    for (_, late, info, _), (_, soon, _, _) in zip(sparse, per_goal, strict=True):
        assert late == 0.0 or info is sparse[-1][2]
        assert soon == 0.0 or info["goals_bought"] == bought + 1
        bought = info["goals_bought"]


def follow(env: Any, info: dict[str, Any]) -> tuple[Any, ...]:
    step: tuple[Any, ...] = ()
    for action in info["expert_plan"]:
        step = env.step(write_reply(action, "go on", False) if "segment" in info else action)
    return step


def test_the_plan_buys_all_and_reaches_all_milestones() -> None:
    env = SubgoalWrapper(MilestoneWrapper(gym.make(ID, split="test_disjoint", expert_plan=True)))
    for task in range(0, 60, 7):
        _, info = env.reset(options={"task": task})
        assert info["all_milestones"][0] == "1: searched" and info["all_milestones"][-1] == "3: bought"
        _, reward, terminated, _, info = follow(env, info)
        assert terminated and reward == 1.0 and info["success"] and info["expert_plan"] == []
        assert info["milestones"] == info["all_milestones"]


def test_a_purchase_opens_the_search_page_and_tells_what_is_left(small_catalogue: Catalogue) -> None:
    env = gym.make(ID, split="all", data=small_catalogue, num_products=2)
    text, info = env.reset(options={"task": 30})
    assert info["instruction"] in text and "Bought" not in text
    first, second = read_basket(info["instruction"]).texts
    assert info["admissible_actions"] == [f"search[{first}]"]
    for action in ("search[b000000007]", "click[b000000007]", "click[blue]", "click[buy now]"):
        text, reward, terminated, _, info = env.step(action)
    assert (reward, terminated, info["goals_bought"], info["has_search_bar"]) == (0.0, False, 1, True)
    assert info["admissible_actions"] == [f"search[{second}]"]
    price, budget = small_catalogue.price("B000000007"), read_basket(info["instruction"]).budget
    assert budget is not None
    told = f"Bought 1 of 2: (1) Harbour Mug B000000007, color: blue for {price:.2f} dollars. "
    left = f"Left of the budget: {budget - price:.2f} dollars."
    said = info["instruction"]
    assert text.split(" [SEP] ") == ["WebShop", "Instruction:", said, told + left, "Search"]
    text, *_ = env.step("search[mug]")
    assert "Bought" not in text
    text, *_ = env.step("click[back to search]")
    assert told in text


def test_what_exceeds_the_budget_does_not_fit() -> None:
    raws = [make_raw("DEAR1", pricing="$500.00", synthetic=None), *(make_raw(f"B{number}") for number in range(60))]
    catalogue = Catalogue.from_raw(raws)
    env = gym.make(ID, split="all", data=catalogue, num_products=3)
    env.reset(options={"task": 40})
    texts = []
    for asin in ("dear1", "b1", "b2"):
        for action in (f"search[{asin}]", f"click[{asin}]", "click[buy now]"):
            text, _, _, _, info = env.step(action)
        texts.append(text)
    assert [info["reward_parts"][f"{number}: r_price"] for number in (1, 2, 3)] == [False] * 3
    assert "The budget is exceeded by 380.00 dollars." in texts[0] and texts[2].count("Score of all 3: ") == 1


@pytest.mark.parametrize("options", [{}, {"num_products": 2}, {"num_products": 1}])
def test_limits_of_turns(options: dict[str, Any]) -> None:
    number = options.get("num_products", 3)
    made: list[tuple[Any, int]] = [
        (gym.make(ID, **options), 15 * number),
        (gym.make(ID, max_episode_steps=4, **options), 4),
        (gym.make(ID, max_turns=100, **options), 100),
    ]
    for env, limit in made:
        for again in (env, gym.make(env.spec)):
            again.reset(seed=0)
            assert [again.step("wait")[3] for _ in range(limit)] == [False] * (limit - 1) + [True]
    limits: list[tuple[dict[str, Any], int]] = [
        ({}, 15 * number),
        ({"max_episode_steps": 4}, 4),
        ({"max_turns": 7}, 7),
    ]
    for more, limit in limits:
        vector = gym.make_vec(ID, num_envs=2, vectorization_mode="vector_entry_point", **options, **more)
        vector.reset(seed=0)
        ends = [vector.step(["wait"] * 2)[3].tolist() for _ in range(limit)]
        assert ends == [[False] * 2] * (limit - 1) + [[True] * 2]


def test_snapshots_and_pickles_go_on_from_the_middle() -> None:
    env: Any = WebShopBasketEnv(expert_plan=True, split="test")
    _, info = env.reset(seed=1, options={"task": 3})
    plan = info["expert_plan"]
    for number in range(len(plan)):
        state = pickle.loads(pickle.dumps(env.get_state()))
        copy = pickle.loads(pickle.dumps(env))
        first = [env.step(action) for action in plan[number:]]
        assert [copy.step(action) for action in plan[number:]] == first
        other = WebShopBasketEnv(expert_plan=True, split="test")
        other.set_state(state)
        assert [other.step(action) for action in plan[number:]] == first and first[-1][4]["success"]
        env.set_state(state)
        env.step(plan[number])
    end = env.get_state()
    env.reset(seed=2)
    assert env.set_state(end) == (first[-1][0], first[-1][4])
    assert env.step("click[buy now]") == (first[-1][0], 0.0, True, False, first[-1][4])


def test_records_replay() -> None:
    class Walker:
        def reset(self, seed: int) -> None:
            self.rng = Random(seed)

        def act(self, observation: str, info: Any) -> str:
            return write_reply(walk(info, self.rng), "shop", self.rng.random() < 0.3)

    env = SubgoalWrapper(MilestoneWrapper(gym.make(ID, num_products=2, reward="per_goal")))
    plain = SubgoalWrapper(gym.make(ID, num_products=2, reward="per_goal"))
    ends = set()
    for task in range(12):
        episode = hiper_envs.play_episode(env, Walker(), task=task, seed=task)
        ends.add(episode.terminated)
        assert episode.env_id == ID and episode.env_options == {"num_products": 2, "reward": "per_goal"}
        assert hiper_envs.replay(episode) == [] == hiper_envs.replay(episode, env)
        assert hiper_envs.play_episode(plain, Walker(), task=task, seed=task).score == episode.score
    assert ends == {True, False}


def test_html_says_the_same() -> None:
    text, page = (WebShopBasketEnv(observation=each, expert_plan=True, num_products=2) for each in ("text", "html"))
    _, info = text.reset(seed=3)
    html, _ = page.reset(seed=3)
    for action in info["expert_plan"]:
        observed, *_ = text.step(action)
        html, *_ = page.step(action)
        assert join_text(read_nodes(html)) == observed
    assert "Bought 2 of 2" in observed


@pytest.mark.slow
def test_a_real_browser_shows_the_same(small_catalogue: Catalogue) -> None:
    pytest.importorskip("selenium", reason="the extra browser is not installed")
    make: dict[str, Any] = {"split": "all", "data": small_catalogue, "num_products": 2, "expert_plan": True}
    try:
        browser: Any = gym.make(ID, browser="selenium", **make)
    except RuntimeError as error:
        pytest.skip(str(error))
    inprocess = gym.make(ID, **make)
    _, info = inprocess.reset(seed=5)
    try:
        assert browser.reset(seed=5)[1] == info
        for action in info["expert_plan"]:
            assert browser.step(action) == inprocess.step(action)
        state = inprocess.unwrapped.get_state()  # type: ignore[attr-defined]
        assert browser.unwrapped.set_state(state) == inprocess.unwrapped.set_state(state)  # type: ignore[attr-defined]
    finally:
        browser.close()


@pytest.mark.parametrize("observation", ["text", "text_rich"])
@settings(max_examples=10)
@given(seed=st.integers(0, 2**31), num_products=st.integers(2, 4))
def test_purchases_are_read_as_they_are_written(observation: str, seed: int, num_products: int) -> None:
    source = Catalogue.generated(100, seed=3)
    env = WebShopBasketEnv("all", source, observation=observation, num_products=num_products)
    text, info = env.reset(seed=seed)
    rng, is_over = Random(seed), False
    basket = read_basket(info["instruction"])
    assert read_purchases(text) is None and read_wish(basket.write_due()).price_limit == basket.budget
    while not is_over:
        text, _, is_over, _, info = env.step(walk(info, rng))
        purchases = read_purchases(text) if info["has_search_bar"] else None
        if purchases is None:
            assert not info["has_search_bar"] or info["goals_bought"] == 0
            continue
        left = env._get_session().goal.price_upper
        assert purchases.number == info["goals_bought"] and purchases.left == pytest.approx(left, abs=0.005)
        wish = read_wish(basket.write_due(purchases))
        assert wish.price_limit == pytest.approx(max(0.0, left), abs=0.005)
        assert replace(wish, price_limit=None) == read_wish(basket.texts[purchases.number])


def test_what_is_due_of_a_basket_without_a_budget_and_of_a_plain_wish() -> None:
    basket = read_basket("Buy 2 products one after the other: (1) Find me mugs; (2) Find me cups")
    assert basket.write_due() == "Find me mugs" and basket.write_due(Purchases(1, None)) == "Find me cups"
    assert basket.write_due(Purchases(2, -3.0)) == "Find me cups, and price lower than 0.00 dollars"
    plain = "Find me mugs, and price lower than 9.00 dollars"
    assert read_basket(f"Instruction: {plain}").write_due(Purchases(1, 3.0)) == plain
    assert read_purchases("Bought 1 of 2: (1) Mug for 3.00 dollars.") == Purchases(1, None)
    told = "Bought 2 of 3: (1) Mug for 3.00 dollars; (2) Cup. for 9.00 dollars. The budget is exceeded by 2.00 dollars."
    assert read_purchases(f"WebShop [SEP] {told} [SEP] Search") == Purchases(2, -2.0)
    assert read_purchases("Bought 1 of 2 mugs [SEP] Search") is None
