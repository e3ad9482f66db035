"""The customer who compares nothing, alone and asked about what others did."""

from statistics import fmean

import gymnasium as gym
import numpy as np
import pytest

import hiper_envs
from hiper_agents.agents.scripted import HastyBuyer, RuleAgent
from hiper_envs import parse_reply, play_episode, write_reply
from tests.hiper_agents.agents.test_webshop_expert import ITEM, ITEM_CLICKABLES, RESULTS

WISH = "Find me a mug with color: dark blue, and size: 12 oz, and price lower than 20.00 dollars"
ON_RESULTS = {
    "instruction": WISH,
    "has_search_bar": False,
    "clickables": ["back to search", "next >", "b0g000001a", "b0g000001b"],
}
ON_ITEM = {"instruction": WISH, "has_search_bar": False, "clickables": ITEM_CLICKABLES}


def make_env():
    return hiper_envs.SubgoalWrapper(gym.make("hiper/WebShop-v0", split="train_disjoint", data="generated:5000"))


def open_item(*done):
    """Return a buyer who has seen the first result opened and these actions done, but for the last one, told now."""
    buyer = HastyBuyer()
    assert parse_reply(buyer.act(RESULTS, ON_RESULTS)).action == "click[b0g000001a]"
    replies = [buyer.act(ITEM, {**ON_ITEM, "action": action}) for action in done]
    return buyer, parse_reply(replies[-1]).action


def test_it_buys_more_than_the_rule_and_in_fewer_turns_than_a_page_each():
    env, tasks = make_env(), range(0, 4000, 80)
    agents = (HastyBuyer(), RuleAgent())
    hasty, rule = ([play_episode(env, agent, task=task, seed=0) for task in tasks] for agent in agents)
    assert not [episode.error for episode in hasty if episode.error]
    assert fmean(episode.success for episode in hasty) > fmean(episode.success for episode in rule) + 0.1
    assert fmean(episode.num_turns for episode in hasty) < 6
    assert {len(turn.problems) for episode in hasty for turn in episode.turns} == {0}


def test_it_finds_the_way_on_from_what_others_do():
    env, rng = make_env(), np.random.default_rng(0)
    successes = []
    for task in range(0, 4000, 80):
        buyer = HastyBuyer()
        observation, info = env.reset(seed=task, options={"task": task})
        is_over = False
        while not is_over:
            reply = buyer.act(observation, info)
            assert parse_reply(reply).action in info["admissible_actions"] or info["has_search_bar"]
            others = [action for action in info["admissible_actions"] if action != "click[buy now]"]
            if rng.random() < 0.2:
                reply = write_reply(str(rng.choice(others)), "wander", True)
            observation, _, terminated, truncated, info = env.step(reply)
            is_over = terminated or truncated
        successes.append(info["success"])
    assert fmean(successes) > 0.6


def test_a_wrong_option_is_corrected_and_a_chosen_one_is_left():
    assert open_item("click[b0g000001a]")[1] == "click[dark blue]"
    assert open_item("click[b0g000001a]", "click[black]")[1] == "click[dark blue]"
    assert open_item("click[b0g000001a]", "click[dark blue]")[1] == "click[12 oz]"
    assert open_item("click[b0g000001a]", "click[dark blue]", "click[12 oz]", "click[size: black]")[1] == "click[12 oz]"
    assert open_item("click[b0g000001a]", "click[12 oz]", "click[dark blue]")[1] == "click[buy now]"


def test_a_product_that_promises_less_is_left_while_there_is_time():
    assert open_item("click[b0g000001b]")[1] == "click[< prev]"
    late = ["click[nothing]"] * 11
    assert open_item("click[b0g000001b]", *late)[1] == "click[dark blue]"


def test_without_word_of_what_was_done_its_own_replies_count():
    buyer = HastyBuyer()
    buyer.act(RESULTS, ON_RESULTS)
    clicks = [parse_reply(buyer.act(ITEM, ON_ITEM)).action for _ in range(3)]
    assert clicks == ["click[dark blue]", "click[12 oz]", "click[buy now]"]


def test_empty_shelves_and_pages_of_details_are_left():
    buyer = HastyBuyer()
    info = {"instruction": WISH, "has_search_bar": True, "clickables": ["search"]}
    first = parse_reply(buyer.act("WebShop", info)).action
    info |= {"has_search_bar": False, "clickables": ["back to search", "next >"]}
    assert parse_reply(buyer.act("Page 1 (Total results: 0)", info)).action == "click[back to search]"
    info |= {"has_search_bar": True, "clickables": ["search"]}
    second = parse_reply(buyer.act("WebShop", info)).action
    assert first != second
    info |= {"has_search_bar": False, "clickables": ["back to search", "< prev"]}
    assert parse_reply(buyer.act("Back to Search [SEP] < Prev [SEP] Nice.", info)).action == "click[< prev]"


def test_another_world_is_refused_with_a_sentence():
    with pytest.raises(ValueError, match="this agent plays WebShop"):
        HastyBuyer().act("You are in a room.", {"instruction": "put a mug on the desk"})
