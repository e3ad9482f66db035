"""How much of each prompt the endpoint has read before: python benchmarks/prompts.py [--tasks 5].

An endpoint caches the beginning that two prompts share. Scripted agents play episodes of both worlds; their prompts
are written in version 1 (one message, a window of 10 turns) and in version 2 (a conversation), and each is compared
with the one before it.
"""

import argparse
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import gymnasium as gym
from rich.console import Console
from rich.table import Table

from hiper_agents.agents.scripted import ALFWorldExpert, RandomAgent, WebShopExpert
from hiper_envs import Agent, SubgoalWrapper, play_episode
from hiper_envs.prompts import Conversation, Prompt, PromptConfig

VERSIONS = {
    "1, window of 10": PromptConfig(version=1, history_turns=10, max_characters=16_000),
    "2, conversation": PromptConfig(),
    "2, 16,000 at most": PromptConfig(max_characters=16_000),
}
PLAYED = {
    "ALFWorld, expert": ("hiper/ALFWorld-v0", "valid_unseen", ALFWorldExpert),
    "ALFWorld, random": ("hiper/ALFWorld-v0", "valid_unseen", RandomAgent),
    "WebShop, expert": ("hiper/WebShop-v0", "test", WebShopExpert),
    "WebShop, random": ("hiper/WebShop-v0", "test", RandomAgent),
}


class PromptedAgent:
    """Writes the prompt of each turn, and replies what another agent does."""

    def __init__(self, agent: Agent, config: PromptConfig) -> None:
        self.agent = agent
        self.config = config
        self.episodes: list[list[str]] = []

    def reset(self, seed: int) -> None:
        """Begin an episode."""
        self.agent.reset(seed)
        self.conversation = Conversation(self.config)
        self.episodes.append([])

    def act(self, observation: str, info: Mapping[str, Any]) -> str:
        """Write the prompt; return the other agent's reply."""
        self.episodes[-1].append(join_messages(self.conversation.ask(observation, info)))
        reply = self.agent.act(observation, info)
        self.conversation.answer(reply)
        return reply


def join_messages(prompt: Prompt) -> str:
    """Return a prompt's messages as one string, in the way of chat templates."""
    return "".join(f"<|{message['role']}|>\n{message['content']}\n" for message in prompt.messages)


def count_shared(first: str, second: str) -> int:
    """Return how many characters two texts begin with alike."""
    differing = (place for place, (one, other) in enumerate(zip(first, second, strict=False)) if one != other)
    return next(differing, min(len(first), len(second)))


def measure(episodes: list[list[str]]) -> tuple[float, float, float]:
    """Return characters sent and characters that were new, per turn, and the share in percent that was not."""
    pairs = [pair for prompts in episodes for pair in pairwise(prompts)]
    sent = sum(len(prompt) for _, prompt in pairs)
    known = sum(count_shared(*pair) for pair in pairs)
    return sent / len(pairs), (sent - known) / len(pairs), 100 * known / sent


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=5, help="episodes of each row")
    num_tasks = parser.parse_args().tasks
    table = Table(title=f"Prompts after the first, per turn, over {num_tasks} episodes each")
    for heading in ("episodes", "version", "turns", "characters", "new", "cacheable %"):
        table.add_column(heading, justify="left" if heading in ("episodes", "version") else "right")
    for name, (env_id, split, make_agent) in PLAYED.items():
        env = SubgoalWrapper(gym.make(env_id, split=split))
        for version, config in VERSIONS.items():
            agent = PromptedAgent(make_agent(), config)
            for task in range(num_tasks):
                play_episode(env, agent, task=task, seed=task)
            sent, new, share = measure(agent.episodes)
            turns = sum(map(len, agent.episodes)) / num_tasks
            table.add_row(name, version, f"{turns:.1f}", f"{sent:,.0f}", f"{new:,.0f}", f"{share:.0f}")
        env.close()
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
