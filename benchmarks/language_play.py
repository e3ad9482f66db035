"""The small language model in its world, on one core: python benchmarks/language_play.py [--model FOLDER].

It plays generated ALFWorld games of the split on which settings are chosen, 64 at a time, under each decoding; then it
learns: imitation of expert episodes, and one iteration of PPO on 64 episodes. Seconds are those that the processor
worked, so that what else runs beside does not count; but for play in two processes at once, 32 games each, whose
seconds are the clock's. The model is a folder that training saved, by default the one that comes with the package.
"""

import argparse
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

import hiper_agents
from hiper_agents.agents.shipped import WEIGHTS
from hiper_agents.policies.language.decoding import DECODINGS
from hiper_agents.policies.language.engine import LocalEngine
from hiper_agents.policies.language.make import open_policy
from hiper_agents.policies.language.policy import LanguagePolicy
from hiper_agents.training.batch import make_imitation_batch
from hiper_agents.training.config import read_config
from hiper_agents.training.demonstrations import record_expert
from hiper_agents.training.losses import ImitationWeights, imitation_loss
from hiper_agents.training.rollout import Rollout, TextEnv, make_envs, play_tasks, summarise
from hiper_agents.training.trainer import Trainer

ENV_ID, OPTIONS = "hiper/ALFWorld-v0", {"games": "generated", "split": "train_eval"}
CONFIG = "language-small-alfworld-hiper"
TEMPERATURE, NUM_ROWS, NUM_TOKENS = 0.4, 64, 2500
console = Console(width=100)


class Timed(gym.Wrapper[str, str, str, str]):
    """Adds up the seconds that its environment works."""

    seconds = 0.0

    def reset(self, **options: Any) -> tuple[str, dict[str, Any]]:
        """Begin an episode."""
        start = time.process_time()
        try:
            return self.env.reset(**options)
        finally:
            self.seconds += time.process_time() - start

    def step(self, action: str) -> tuple[str, Any, bool, bool, dict[str, Any]]:
        """Take a turn."""
        start = time.process_time()
        try:
            return self.env.step(action)
        finally:
            self.seconds += time.process_time() - start


@dataclass(frozen=True)
class Played:
    """What a rollout took."""

    turns_a_second: float
    turns_a_second_of_clock: float
    share_of_environment: float
    bytes_a_row: float
    success: float
    turns: float


def play(folder: str, decoding: str, num_episodes: int, num_rows: int = NUM_ROWS, first: int = 0) -> Played:
    """Play episodes, each task of the split at most once, from a first one on."""
    torch.set_num_threads(1)
    policy, _ = open_policy(folder, decoding=decoding)
    envs = [Timed(env) for env in make_envs(ENV_ID, OPTIONS, num_rows)]
    engine, peak = policy.engine, 0
    assert isinstance(engine, LocalEngine)

    def look(rollout: Rollout) -> None:
        nonlocal peak
        peak = max(peak, engine.num_bytes)

    tasks = range(first, first + num_episodes)
    start, start_of_clock = time.process_time(), time.perf_counter()
    played = play_tasks(envs, policy, tasks, np.random.default_rng(first), temperature=TEMPERATURE, on_episode=look)
    seconds, seconds_of_clock = time.process_time() - start, time.perf_counter() - start_of_clock
    found = summarise(played)
    num_turns = sum(rollout.num_turns for rollout in played)
    inside = sum(env.seconds for env in envs)
    speeds = num_turns / seconds, num_turns / seconds_of_clock
    return Played(*speeds, inside / seconds, peak / num_rows, found.success, found.turns)


def play_in_two(folder: str, decoding: str, num_episodes: int) -> float:
    """Return the turns a second, by the clock, of two processes that share the rows."""
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        halves = [
            pool.submit(play, folder, decoding, num_episodes // 2, NUM_ROWS // 2, first)
            for first in (0, num_episodes // 2)
        ]
        return sum(half.result().turns_a_second_of_clock for half in halves)


def imitate(policy: LanguagePolicy, envs: list[TextEnv], num_episodes: int) -> float:
    """Return the tokens a second of learning from an expert's episodes."""
    rollouts = record_expert(envs, policy, hiper_agents.expert, range(num_episodes), np.random.default_rng(0))
    batch = make_imitation_batch(rollouts, 0.97)
    units = policy.divide(batch.decisions)
    minibatches = batch.shuffled(units, len(batch), np.random.default_rng(0), NUM_TOKENS)
    start = time.process_time()
    for pieces in minibatches:
        for piece in pieces:
            imitation_loss(policy, piece, ImitationWeights(0.1, 0.05))[0].backward()  # type: ignore[no-untyped-call]
    return float(units.size.sum()) / (time.process_time() - start)


def iterate(folder: str) -> float:
    """Return the seconds of one iteration of PPO on 64 episodes, play and learning."""
    options = {"model": str(Path(folder).resolve()), "decoding": "free", "max_reply_tokens": 24}
    settings: dict[str, Any] = {
        "policy_options": options, "policy_share": 0.0, "expert_episodes": 0, "imitation_epochs": 0, "updates": 9,
        "evaluation_every": 9, "value_updates": 0, "num_envs": NUM_ROWS, "episodes_per_update": 64, "ppo_epochs": 1,
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as run:
        trainer = Trainer(read_config(CONFIG, **settings), Path(run))
        start = time.process_time()
        trainer.run(max_steps=1)
        return time.process_time() - start


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=str(Path(str(WEIGHTS)) / CONFIG), help="folder that training saved")
    parser.add_argument("--episodes", type=int, default=128, help="episodes of each rollout")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    columns = "turns/s", "in two processes", "environment, %", "cache, KB a row", "success, %", "turns an episode"
    table = Table("decoding", *columns)
    for decoding in DECODINGS:
        found = play(arguments.model, decoding, arguments.episodes)
        shares = f"{100 * found.share_of_environment:.1f}", f"{found.bytes_a_row / 1000:.0f}"
        speeds = found.turns_a_second, play_in_two(arguments.model, decoding, arguments.episodes)
        table.add_row(
            decoding, *(f"{speed:.0f}" for speed in speeds), *shares, f"{100 * found.success:.1f}", f"{found.turns:.1f}"
        )
    console.print(table)
    policy, _ = open_policy(arguments.model)
    console.print(f"imitation: {imitate(policy, make_envs(ENV_ID, OPTIONS, 32), 64):.0f} tokens/s")
    console.print(f"an iteration of PPO on 64 episodes: {iterate(arguments.model):.0f} s")
    console.print(f"memory at most: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB")


if __name__ == "__main__":
    main()
