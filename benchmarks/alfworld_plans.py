"""How long generated games take, by type of task: python benchmarks/alfworld_plans.py [--sample 1000].

Prints the solver's plans over all games of the three splits, and the turns and successes of the expert on valid_unseen,
valid_seen and a sample of train.
"""

import argparse
import random
from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean

import gymnasium as gym
from rich.console import Console
from rich.progress import track
from rich.table import Table

from hiper_agents.agents.scripted.alfworld_expert import ALFWorldExpert
from hiper_envs import SubgoalWrapper, play_episode
from hiper_envs.alfworld.generated.generate import generate, task_ids
from hiper_envs.alfworld.rules.engine import Engine
from hiper_envs.alfworld.rules.solver import solve
from hiper_envs.task_types import task_type

SPLITS = ("train", "valid_seen", "valid_unseen")
console = Console(width=140)


def group_by_type(tasks: Sequence[str], lengths: Sequence[int]) -> dict[str, list[int]]:
    """Return the lengths by type of task, in the types' order."""
    groups = defaultdict(list)
    for task, length in zip(tasks, lengths, strict=True):
        groups[task_type(task)].append(length)
    return dict(sorted(groups.items()))


def plan_all() -> dict[str, str]:
    """Return mean and most commands of the solver's plans by type of task."""
    tasks = [task for split in SPLITS for task in task_ids(split)]
    lengths = []
    for task in track(tasks, "solver", console=Console(stderr=True), transient=True):
        problem = generate(task)
        engine = Engine(problem)
        engine.reset()
        lengths.append(len(solve(engine, problem)))
    return {kind: f"{fmean(group):.1f} ({max(group)})" for kind, group in group_by_type(tasks, lengths).items()}


def play_expert(split: str, tasks: Sequence[str]) -> tuple[dict[str, str], str]:
    """Return the expert's mean turns by type of task, and how many of the games it won."""
    env = SubgoalWrapper(gym.make("hiper/ALFWorld-v0", split=split, games="generated"))
    expert = ALFWorldExpert()
    episodes = [
        play_episode(env, expert, task=task, seed=seed)
        for seed, task in enumerate(track(tasks, split, console=Console(stderr=True), transient=True))
    ]
    turns = group_by_type(tasks, [episode.num_turns for episode in episodes])
    won = sum(episode.success for episode in episodes)
    return {kind: f"{fmean(group):.1f}" for kind, group in turns.items()}, f"{won} of {len(tasks)}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--sample", type=int, default=1000, help="training games that the expert plays, default 1000")
    sample = random.Random(0).sample(list(task_ids("train")), parser.parse_args().sample)
    plans = plan_all()
    table = Table("", *plans, "won")
    table.add_row("commands of the solver's plan, mean (most)", *plans.values(), "all")
    played = {"valid_unseen": task_ids("valid_unseen"), "valid_seen": task_ids("valid_seen"), "train": sample}
    for split, tasks in played.items():
        turns, won = play_expert(split, list(tasks))
        table.add_row(f"turns of the expert, {split}", *turns.values(), won)
    console.print(table)


if __name__ == "__main__":
    main()
