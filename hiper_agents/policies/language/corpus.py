"""Texts of the worlds that a tokenizer is made from: an expert's episodes on generated training tasks, nothing else."""

from collections.abc import Iterator, Mapping
from typing import Any

import gymnasium as gym
import numpy as np

from hiper_agents.policies.language.layout import make_script
from hiper_agents.tasks import draw_tasks, num_tasks
from hiper_envs.episodes.agents import load_factory
from hiper_envs.reply import parse_reply, write_reply
from hiper_envs.segments import SubgoalWrapper
from webshop_server.allowed_names import check_choice

_TRAINING: dict[str, tuple[str, dict[str, Any]]] = {
    "alfworld": ("hiper/ALFWorld-v0", {"split": "train", "games": "generated", "shuffle_names": True}),
    "webshop": ("hiper/WebShop-v0", {"split": "train_disjoint", "data": "generated:5000"}),
}
"""World -> its Gymnasium id and the options of its generated training tasks."""


_WANDERS_EVERY, _WANDER_TURNS, _REPEATS = 5, 15, 0.2
"""One episode in so many is aimless, of at most so many turns, and repeats its last action with this probability: what
a world says to detours and to what it refuses belongs to its texts too."""


def collect_texts(world: str, num_episodes: int, seed: int, expert: str = "hiper_agents:expert") -> Iterator[str]:
    """Yield the whole text of each of some episodes, as the compact layout of a HiPER agent writes it.

    An expert plays four of five; in the others any admissible action is taken.

    Args:
        world: "alfworld" or "webshop".
        num_episodes: How many; every task once before any comes twice.
        seed: Draws the tasks and what each episode draws; the same seed gives the same texts.
        expert: What makes the agent that plays, "MODULE:NAME".

    Raises:
        ValueError: There is no such world or expert.
    """
    env_id, options = _TRAINING[check_choice(world, _TRAINING, "world")]
    env = SubgoalWrapper(gym.make(env_id, disable_env_checker=True, **options))
    agent = load_factory(expert)()
    rng = np.random.default_rng(seed)
    for number, task in enumerate(draw_tasks(num_tasks(env), num_episodes, rng)):
        wanders = number % _WANDERS_EVERY == _WANDERS_EVERY - 1
        yield _play(env, _Wanderer(rng) if wanders else agent, world, task, int(rng.integers(2**31)))


class _Wanderer:
    """Takes any admissible action, or the last one again."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def reset(self, seed: int) -> None:
        self._last, self.turns_left = "", _WANDER_TURNS

    def act(self, observation: str, info: Mapping[str, Any]) -> str:
        actions = info["admissible_actions"]
        if not self._last or self._rng.random() >= _REPEATS:
            self._last = actions[int(self._rng.integers(len(actions)))]
        self.turns_left -= 1
        return write_reply(self._last)


def _play(env: SubgoalWrapper, agent: Any, world: str, task: int, seed: int) -> str:
    script = make_script("compact", world, has_subgoals=True)
    observation, info = env.reset(seed=seed, options={"task": task})
    agent.reset(seed)
    text = script.open(observation, info)
    is_open = False
    while True:
        reply = parse_reply(agent.act(observation, info))
        said = script.write_reply(reply.action, reply.subgoal, reply.switches, is_open)
        observation, _, terminated, truncated, info = env.step(said)
        if terminated or truncated or getattr(agent, "turns_left", 1) < 1:
            return text + said
        text += said + (script.go_on(said, observation, info["admissible_actions"]) or "")
        is_open = True
