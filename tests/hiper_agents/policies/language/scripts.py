"""Episodes written by a script, for its tests: what was read and said at each turn."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import gymnasium as gym

import hiper_agents
from hiper_agents.policies.language.layout import Script
from hiper_envs import SubgoalWrapper
from hiper_envs.reply import Reply, parse_reply


class Turn(NamedTuple):
    """What was added to the text before a reply, the reply, and what it was to say."""

    added: str
    said: str
    meant: Reply
    observation: str
    admissible: Sequence[str]


def write_episode(env: gym.Env[str, str], script: Script, task: int = 0, seed: int = 0) -> list[Turn]:
    """Play an expert's episode and write it."""
    world = SubgoalWrapper(env)
    expert = hiper_agents.expert()
    expert.reset(seed)
    observation, info = world.reset(seed=seed, options={"task": task})
    added: str | None = script.open(observation, info)
    turns: list[Turn] = []
    while True:
        assert added is not None
        meant = parse_reply(expert.act(observation, info))
        said = script.write_reply(meant.action, meant.subgoal, meant.switches, bool(turns))
        turns.append(Turn(added, said, meant, observation, info["admissible_actions"]))
        observation, _, terminated, truncated, info = world.step(said)
        if terminated or truncated:
            return turns
        added = script.go_on(said, observation, info["admissible_actions"])


class Watched(dict[str, Any]):
    """An info that tells which of its entries were read."""

    def __init__(self, entries: Mapping[str, Any]) -> None:
        super().__init__(entries)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.read.add(name)
        return super().get(name, default)

    def _refuse(self, *_: object) -> Any:
        raise AssertionError("the whole info is read")

    __iter__ = items = values = keys = copy = _refuse
