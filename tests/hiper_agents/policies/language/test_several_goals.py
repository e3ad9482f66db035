"""Several goals as a small model reads them: of those due one after the other, the task's line has the present one."""

from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import hiper_agents
from hiper_agents.policies.language.compact_layout import BEGIN, REPLY, TASK
from hiper_agents.policies.language.layout import Script, make_script
from hiper_agents.policies.language.memory import LanguageMemory
from hiper_envs import SubgoalWrapper, parse_reply
from hiper_envs.alfworld.reading import read_goals
from hiper_envs.webshop.reading import read_basket, read_purchases
from tests.hiper_agents.agents.small_policy import make_small_policy

HOUSE, BASKET = "hiper/ALFWorldLong-v0", "hiper/WebShopBasket-v0"
OPTIONS: dict[str, dict[str, Any]] = {
    HOUSE: {"split": "train_eval", "games": "generated"},
    BASKET: {"split": "train_disjoint"},
}


def walk(env_id: str, task: int = 0, **options: Any) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield what the expert sees and says at each turn."""
    env, expert = SubgoalWrapper(gym.make(env_id, **OPTIONS[env_id], **options)), hiper_agents.expert()
    observation, info = env.reset(seed=0, options={"task": task})
    expert.reset(0)
    is_over = False
    while not is_over:
        reply = expert.act(observation, info)
        yield observation, info, reply
        observation, _, terminated, truncated, info = env.step(reply)
        is_over = terminated or truncated
    assert info["score"] > 0.5


def write(env_id: str, script: Script, **options: Any) -> tuple[list[str], list[int], str]:
    """Return the text after each observation, the turns on which it began anew, and the instruction."""
    texts, anew, said, instruction = list[str](), list[int](), "", ""
    for turn, (observation, info, reply) in enumerate(walk(env_id, **options)):
        if turn == 0:
            texts.append(script.open(observation, info))
            instruction = info["instruction"]
        else:
            added = script.go_on(said, observation, info["admissible_actions"])
            anew += [turn] if added is None else []
            texts.append(script.reopen())
            assert added is None or texts[-1] == texts[-2] + said + added
            assert texts[-1].startswith(texts[-2] + said), "nothing that was written is written anew"
        meant = parse_reply(reply)
        said = script.write_reply(meant.action, meant.subgoal, meant.switches, turn > 0)
    return texts, anew, instruction


def list_tasks(text: str) -> list[str]:
    return [part.partition(REPLY)[0] for part in text.split(TASK)[1:]]


def test_a_sequence_shows_the_goal_that_is_due() -> None:
    script = make_script("compact", "alfworld", has_subgoals=True)
    texts, anew, instruction = write(HOUSE, script, order="sequence")
    sentences = read_goals(instruction).sentences
    assert len(anew) == 2 and len(sentences) == 3 and script.marked == sentences[2]
    assert list(dict.fromkeys(list_tasks(texts[-1]))) == list(sentences)
    for turn, text in enumerate(texts):
        assert list_tasks(text)[-1] == sentences[sum(turn >= change for change in anew)]
    assert instruction not in texts[0] and f"Next: {sentences[1]}." in texts[anew[0]]


def test_goals_that_are_due_at_once_stand_there_all_the_time() -> None:
    script = make_script("compact", "alfworld", has_subgoals=True)
    texts, anew, instruction = write(HOUSE, script, order="any")
    assert anew == [] and set(list_tasks(texts[-1])) == {instruction} and script.marked == instruction


def test_a_house_with_one_goal_reads_as_the_plain_one() -> None:
    texts = [
        write(HOUSE, make_script("compact", "alfworld", True), num_goals=1, order=order)[0]
        for order in ("any", "sequence")
    ]
    assert texts[0] == texts[1] and "do these in order" not in texts[0][0]


def test_a_basket_shows_the_product_that_is_next_and_what_is_left() -> None:
    script = make_script("compact", "webshop", has_subgoals=True)
    texts, anew, instruction = write(BASKET, script, num_products=3)
    basket = read_basket(instruction)
    assert len(anew) == 2 and list_tasks(texts[0]) == [basket.write_due().lower().removeprefix("find me ")]
    shown = list(dict.fromkeys(list_tasks(texts[-1])))
    pages = [observation for observation, info, _ in walk(BASKET, num_products=3) if info["has_search_bar"]]
    found = [purchases for page in pages if (purchases := read_purchases(page))]
    assert shown[1:] == [basket.write_due(each).lower().removeprefix("find me ") for each in dict.fromkeys(found)]
    assert all(
        f"price lower than {each.left:.2f} dollars" in task for task, each in zip(shown[1:], found, strict=False)
    )


def test_a_baskets_queries_are_for_the_product_that_is_next() -> None:
    script = make_script("compact", "webshop", has_subgoals=True)
    said, offered = "", list[bool]()
    for turn, (observation, info, reply) in enumerate(walk(BASKET, num_products=3)):
        _ = script.open(observation, info) if turn == 0 else script.go_on(said, observation, info["admissible_actions"])
        meant = parse_reply(reply)
        offered.append(meant.action in script.list_actions(info["admissible_actions"]))
        said = script.write_reply(meant.action, meant.subgoal, meant.switches, turn > 0)
    assert all(offered), "whatever the expert does can be learned and drawn"


@pytest.mark.parametrize("max_positions", [300, 700, 1_000_000])
@pytest.mark.parametrize(("env_id", "options"), [(HOUSE, {"order": "sequence"}), (BASKET, {"num_products": 3})])
def test_the_goal_that_is_due_outlives_the_pages_that_said_so(
    env_id: str, options: dict[str, Any], max_positions: int
) -> None:
    policy, texts = make_small_policy(True, max_positions), list[Any]()
    memory: LanguageMemory | None = None
    script = make_script("compact", "alfworld" if env_id == HOUSE else "webshop", has_subgoals=True)
    said = ""
    for observation, info, reply in walk(env_id, task=1, **options):
        if memory is None:
            memory = policy.open_memory(observation, info)
            script.open(observation, info)
        else:
            memory.observe(observation, info["admissible_actions"])
            script.go_on(said, observation, info["admissible_actions"])
        text = policy.tokenizer.decode(memory.text.ids, skip_special_tokens=False)
        assert list_tasks(text)[-1] == list_tasks(script.reopen())[-1] and text.count(BEGIN) == 1
        marked = policy.encode_text(script.marked)
        assert memory.text.marked_ids == frozenset(marked), "marks are those of the goal that is due"
        texts += [] if any(memory.text is each for each in texts) else [memory.text]
        decision = policy.imitate(memory, parse_reply(reply))
        memory.remember(decision)
        said = decision.reply
    assert len(texts) >= 3


def test_a_policy_plays_on_where_another_goal_falls_due() -> None:
    """The engine reads the text that begins anew, and draws on from there."""
    policy = make_small_policy(True, 4096)
    memory: LanguageMemory | None = None
    for observation, info, reply in walk(HOUSE, order="sequence", num_goals=2):
        if memory is None:
            memory = policy.open_memory(observation, info)
        else:
            memory.observe(observation, info["admissible_actions"])
        (drawn,) = policy.decide([memory], np.random.default_rng(0))
        assert list(drawn.ids) == memory.text.ids[drawn.start :]
        del memory.text.ids[drawn.start :]
        memory.remember(policy.imitate(memory, parse_reply(reply)))
