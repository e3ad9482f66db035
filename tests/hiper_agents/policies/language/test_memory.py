"""A text that outgrows the model begins anew, in every layout and world: shorter, and with the subgoal that holds."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from hiper_agents.policies.language.memory import LanguageMemory
from hiper_envs import SubgoalWrapper
from hiper_envs.reply import parse_reply
from tests.hiper_agents.agents.small_policy import make_small_policy

WORLDS = {
    "alfworld": ("hiper/ALFWorld-v0", {"games": "generated"}),
    "webshop": ("hiper/WebShop-v0", {"split": "test_disjoint"}),
}
SUBGOALS = ("find a mug", "look around", "buy it")


def play(
    layout: str, world: str, has_subgoals: bool, max_positions: int, turns: int = 14
) -> tuple[Any, Any, list[str]]:
    """Play at random, somebody else's replies being remembered; return the memory, its policy and all observations."""
    policy = make_small_policy(has_subgoals, max_positions, layout=layout)
    name, options = WORLDS[world]
    env = SubgoalWrapper(gym.make(name, max_episode_steps=turns + 1, **options))
    rng = np.random.default_rng(3)
    observation, info = env.reset(seed=0, options={"task": 0})
    memory: LanguageMemory = policy.open_memory(observation, info)
    seen = [observation]
    for turn in range(turns):
        actions = [action for action in memory.list_actions() if "buy now" not in action.lower()]
        said = f"<action>{actions[rng.integers(len(actions))]}</action>"
        if has_subgoals:
            opens = turn % 4 == 0
            subgoal = SUBGOALS[turn // 4 % len(SUBGOALS)]
            said = (
                f"<switch>{'SWITCH' if opens else 'KEEP'}</switch><subgoal>{subgoal if opens else ''}</subgoal>{said}"
            )
        before = memory.text
        decision = policy.imitate(memory, parse_reply(said))
        memory.remember(decision)
        observation, _, terminated, truncated, info = env.step(said)
        assert not terminated and not truncated
        memory.observe(observation, info["admissible_actions"])
        seen.append(observation)
        assert decision.text is before and before.ids[decision.start : decision.end] == list(decision.ids)
        assert policy.has_room(memory.text) or not memory._past
    return memory, policy, seen


@pytest.mark.parametrize("has_subgoals", [True, False])
@pytest.mark.parametrize(("layout", "world", "max_positions"), [
    ("compact", "alfworld", 1200),
    ("compact", "webshop", 2500),
    ("chat", "alfworld", 2500),
    ("chat", "webshop", 6000),
])  # fmt: skip
def test_it_begins_anew(layout: str, world: str, max_positions: int, has_subgoals: bool) -> None:
    whole, policy, seen = play(layout, world, has_subgoals, 1_000_000)
    memory, _, again = play(layout, world, has_subgoals, max_positions)
    assert again == seen and len(memory.text.ids) < len(whole.text.ids) and len(memory._past) < len(seen) - 1
    text = policy.tokenizer.decode(memory.text.ids, skip_special_tokens=False)
    full = policy.tokenizer.decode(whole.text.ids, skip_special_tokens=False)
    if layout == "compact":
        page = full.rpartition("</action>")[2].partition("<|acts|>")[0]
        assert page in text.rpartition("</action>")[2] or "same as turn" in page
        assert text.startswith(full[:40])  # the first page
    else:
        assert seen[-1] in text and text.startswith("<|begin|>SYSTEM:")
    if has_subgoals and len(memory._past) > 1:
        first = parse_reply(memory._past[0].reply)
        assert first.switches and first.subgoal in SUBGOALS
        assert memory.open_subgoal == whole.open_subgoal
        if layout == "chat":
            assert f"Your subgoal so far: {memory.open_subgoal}\n" in text.rpartition("USER:")[2]
