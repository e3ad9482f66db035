"""The shop's scripted customers: what they read, and how well they buy."""

import random
from statistics import fmean

import gymnasium as gym
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hiper_envs
from hiper_agents.agents.scripted.random_agent import SHOP_SUBGOALS, RandomAgent
from hiper_agents.agents.scripted.rule_agent import RuleAgent, named_values
from hiper_agents.agents.scripted.webshop_expert import WebShopExpert
from hiper_agents.agents.scripted.webshop_judgement import choose_options, judge_item
from hiper_envs import parse_reply, play_episode
from hiper_envs.webshop.reading import (
    Item,
    page_kind,
    read_basket,
    read_details,
    read_hits,
    read_item,
    read_price,
    read_wish,
    stems,
)

RESULTS = (
    "Instruction: [SEP] Find me a mug [SEP] Back to Search [SEP] Page 1 (Total results: 50) [SEP] Next > [SEP] "
    "B0G000001A [SEP] Blue Mug [SEP] $12.5 [SEP] B0G000001B [SEP] Red Mug [SEP] $9.0 to $14.0"
)
ITEM = (
    "Instruction: [SEP] Find me a mug [SEP] Back to Search [SEP] < Prev [SEP] color [SEP] black [SEP] dark blue "
    "[SEP] size [SEP] black [SEP] 12 oz [SEP] Blue Mug [SEP] Price: $9.0 to $14.0 [SEP] Rating: N.A. [SEP] Description "
    "[SEP] Buy Now"
)
ITEM_CLICKABLES = [
    "back to search", "< prev", "description", "features", "reviews", "buy now", "black", "dark blue", "size: black",
    "12 oz",
]  # fmt: skip


def make_env(env_id="hiper/WebShop-v0", **options):
    return hiper_envs.SubgoalWrapper(gym.make(env_id, split="all", **options))


def play(env, agent, tasks):
    episodes = [play_episode(env, agent, task=task, seed=task) for task in tasks]
    assert not [episode.error for episode in episodes if episode.error]
    return episodes


def test_a_template_is_taken_apart():
    wish = read_wish(
        "Instruction: Find me anti slip, non slip women's slippers with faux fur for daily wear with color: black "
        "multi, and size: large, and price lower than 70.00 dollars"
    )
    assert wish.wants == ("anti slip", "non slip", "faux fur", "daily wear")
    assert wish.subject == "women's slippers"
    assert wish.options == (("color", "black multi"), ("size", "large"))
    assert wish.price_limit == 70.0
    assert "price" not in wish.query and "Find me" not in wish.query


def test_option_values_may_hold_commas_colons_and_with():
    wish = read_wish("Find me easy clean mugs with color: red, green with dots, and size: set: 2, 3")
    assert wish.options == (("color", "red, green with dots"), ("size", "set: 2, 3"))
    assert wish.price_limit is None


def test_free_speech_has_words_only():
    wish = read_wish("i need a pair of men's size 10.5 black loafers, and price lower than 40.00 dollars")
    assert (wish.wants, wish.options, wish.price_limit) == ((), (), 40.0)
    assert not wish.is_template
    assert wish.words == stems("men 10.5 black loafers")


@given(st.text())
def test_any_instruction_can_be_read_and_searched(text):
    query = read_wish(text).query
    assert not set(query) & set("[]\n")


@given(st.text(), st.text())
def test_any_value_can_be_judged(text, value):
    item = Item("Mug", 3.0, {"color": {value: value}})
    wish = read_wish(text)
    assert set(choose_options(wish, item.options)) <= {value}
    assert 0.0 <= judge_item(wish, item, "", 0) <= 1.0


def test_results_are_read():
    hits = read_hits(RESULTS, {"clickables": ["back to search", "next >", "b0g000001a", "b0g000001b"]})
    assert [(hit.asin, hit.title, hit.price) for hit in hits] == [
        ("b0g000001a", "Blue Mug", 12.5),
        ("b0g000001b", "Red Mug", 9.0),
    ]


def test_an_item_is_read_with_equal_values_in_two_groups():
    item = read_item(ITEM, {"clickables": ITEM_CLICKABLES})
    assert (item.title, item.price) == ("Blue Mug", 9.0)
    assert item.options == {
        "color": {"black": "black", "dark blue": "dark blue"},
        "size": {"black": "size: black", "12 oz": "12 oz"},
    }


def test_both_texts_of_a_page_read_alike():
    pages = {}
    for observation in ("text", "text_rich"):
        env = make_env(observation=observation)
        text, info = env.reset(seed=0, options={"task": 0})
        text, _, _, _, info = env.step(f"<action>search[{info['instruction']}]</action>")
        hits = read_hits(text, info)
        text, _, _, _, info = env.step(f"<action>click[{hits[0].asin}]</action>")
        item = read_item(text, info)
        text, _, _, _, info = env.step("<action>click[features]</action>")
        pages[observation] = (hits, item, page_kind(info), read_details(text).replace("\n", " "))
    assert pages["text"] == pages["text_rich"]


def test_prices_are_the_lowest_named():
    assert read_price("Price: $1,299.0 to $1,400.5") == 1299.0
    assert read_price("no price") == 0.0


@pytest.mark.parametrize(
    ("wish", "chosen"),
    [
        ("find a mug in dark blue that holds 12 oz", ["dark blue", "12 oz"]),
        ("find a mug of 12oz", ["12 oz"]),
        ("Find me cheap mugs with color: dark blue", ["dark blue"]),
        ("Find me cheap mugs with color: blue, and size: oz 12", ["dark blue", "12 oz"]),
        ("find a mug", []),
    ],
)
def test_options_are_matched_loosely(wish, chosen):
    options = {"color": {"black": "black", "dark blue": "dark blue"}, "size": {"6 oz": "6 oz", "12 oz": "12 oz"}}
    assert list(choose_options(read_wish(wish), options)) == chosen


def test_the_rule_takes_the_longest_value_named():
    assert named_values("a Dark Blue mug", ["blue", "dark blue", "red"]) == ["dark blue"]
    assert named_values("a mug", ["blue"]) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["synthetic", "human"])
def test_the_expert_beats_the_rules_on_generated_products(kind):
    env, tasks = make_env(goals=kind), range(200)
    expert, rule = play(env, WebShopExpert(), tasks), play(env, RuleAgent(), tasks)
    plain, chance = play(env, RuleAgent(clicks_options=False), tasks), play(env, RandomAgent(), tasks)
    scores = [fmean(episode.score for episode in episodes) for episodes in (expert, rule, plain, chance)]
    assert scores[0] > scores[1] + 0.05 > scores[2] > scores[3] + 0.2
    assert fmean(e.success for e in expert) > fmean(e.success for e in rule) + 0.1
    assert scores[0] > 0.88


@pytest.mark.slow
def test_figures_on_the_real_products(shared):
    env, tasks = make_env(data=shared / "data" / "webshop"), range(500)
    rule = play(env, RuleAgent(), tasks)
    assert fmean(e.score for e in rule) == pytest.approx(0.795, abs=0.001)
    assert fmean(e.success for e in rule) == pytest.approx(0.562, abs=0.001)
    expert = play(env, WebShopExpert(), tasks[:200])
    assert fmean(e.score for e in expert) > 0.94
    assert fmean(e.success for e in expert) > 0.85


def test_the_expert_buys_within_its_turns_and_declares_its_subgoals():
    env = make_env()
    for episode in play(env, WebShopExpert(), range(40)):
        assert episode.terminated and episode.num_turns <= 15
        assert [turn.problems for turn in episode.turns] == [()] * episode.num_turns
        assert {segment.subgoal for segment in episode.segments} <= set(SHOP_SUBGOALS)
        assert episode.segments[0].subgoal == "search for the product"
        assert episode.segments[-1].subgoal == "buy the product"


def test_the_expert_needs_no_admissible_actions_and_repeats_itself():
    env = make_env()
    replies = []
    for _ in range(2):
        agent = WebShopExpert()
        agent.reset(0)
        observation, info = env.reset(seed=3, options={"task": 3})
        replies.append([])
        for _ in range(15):
            seen = {name: info[name] for name in ("instruction", "clickables", "has_search_bar")}
            replies[-1].append(agent.act(observation, seen))
            observation, _, terminated, truncated, info = env.step(replies[-1][-1])
            if terminated or truncated:
                break
    assert replies[0] == replies[1]


def test_an_empty_shelf_does_not_confuse_the_expert():
    agent = WebShopExpert()
    info = {"instruction": "find me qqqq", "has_search_bar": True, "clickables": ["search"]}
    assert parse_reply(agent.act("WebShop", info)).action == "search[qqqq]"
    info |= {"has_search_bar": False, "clickables": ["back to search", "next >"]}
    assert parse_reply(agent.act("Page 1 (Total results: 0)", info)).action == "click[back to search]"


def test_another_world_is_refused_with_a_sentence():
    with pytest.raises(ValueError, match="this agent plays WebShop"):
        WebShopExpert().act("You are in a room.", {"instruction": "put a mug on the desk"})


def test_chance_follows_the_seed():
    info = {"admissible_actions": ["look", "inventory", "go to desk 1"]}
    first, second = RandomAgent(), RandomAgent()
    for agent in (first, second):
        agent.reset(5)
    replies = [first.act("", info) for _ in range(50)]
    assert replies == [second.act("", info) for _ in range(50)]
    parsed = [parse_reply(reply) for reply in replies]
    assert {reply.action for reply in parsed} == {"look", "inventory", "go to desk 1"}
    assert parsed[0].switches and {reply.switches for reply in parsed} == {True, False}
    assert all(reply.subgoal == reply.action for reply in parsed if reply.switches)


def test_chance_is_uniform():
    agent, info = RandomAgent(), {"admissible_actions": ["a", "b", "c", "d"], "has_search_bar": False}
    agent.reset(random.Random(1).randrange(1000))
    actions = [parse_reply(agent.act("", info)).action for _ in range(4000)]
    assert all(900 < actions.count(action) < 1100 for action in "abcd")


@pytest.mark.parametrize("actions", [None, [], "look"])
def test_chance_needs_something_to_choose_from(actions):
    with pytest.raises(ValueError, match="a list with an action"):
        RandomAgent().act("", {"admissible_actions": actions})


def test_a_switch_rate_is_a_chance():
    with pytest.raises(ValueError, match="between 0 and 1"):
        RandomAgent(switch_rate=1.5)


@pytest.mark.parametrize("observation", ["text", "text_rich"])
@pytest.mark.parametrize("num_products", [2, 3])
def test_buys_a_basket_one_product_after_the_other(observation, num_products):
    env = make_env(env_id="hiper/WebShopBasket-v0", num_products=num_products, observation=observation)
    episodes = play(env, WebShopExpert(), range(0, 1000, 100))
    assert fmean(episode.score for episode in episodes) > 0.85
    assert all(episode.terminated and episode.num_turns <= 15 * num_products for episode in episodes)
    for episode in episodes:
        bought = [turn for turn in episode.turns if turn.action == "click[buy now]"]
        assert len(bought) == num_products
        assert sum(segment.subgoal == SHOP_SUBGOALS[-1] for segment in episode.segments) == num_products


def test_a_baskets_expert_reads_text_alone_and_keeps_the_budget_in_mind():
    env = gym.make("hiper/WebShopBasket-v0", split="train_disjoint", num_products=3)
    agent, known = WebShopExpert(), ("instruction", "admissible_actions", "has_search_bar", "clickables")
    observation, info = env.reset(options={"task": 5})
    is_over, limits, lefts = False, [], []
    while not is_over:
        action = parse_reply(agent.act(observation, {name: info[name] for name in known})).action
        limits += [agent._wish.price_limit] if info["has_search_bar"] else []
        lefts += [env.unwrapped._get_session().goal.price_upper] if info["has_search_bar"] else []
        observation, _, is_over, _, info = env.step(action)
    assert info["goals_bought"] == 3 and len(set(limits)) == 3
    assert limits == pytest.approx(lefts, abs=0.01)


def test_somebody_elses_purchase_makes_it_go_on_with_the_next_product():
    env = gym.make("hiper/WebShopBasket-v0", split="train_disjoint", num_products=2)
    agent = WebShopExpert()
    observation, info = env.reset(options={"task": 5})
    while "buy now" not in info["clickables"]:
        observation, _, _, _, info = env.step(parse_reply(agent.act(observation, info)).action)
    agent.act(observation, info)
    observation, _, _, _, info = env.step("click[buy now]")
    assert agent._num_bought == 0
    second = read_wish(read_basket(info["instruction"]).texts[1])
    assert parse_reply(agent.act(observation, info)).action == f"search[{second.query}]"
    assert agent._wish.subject == second.subject and agent._num_bought == 1
