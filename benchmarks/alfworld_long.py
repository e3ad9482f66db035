"""What several goals cost, and how far houses go: python benchmarks/alfworld_long.py [--games 100] [--turns 40].

It prints the time of drawing a game's goals beside that of making the game, turns a second with and without a plan in
`info`, and the length of the plans, all by number of goals; processor time.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.table import Table

from hiper_envs.alfworld.generated.generate import generate, task_ids
from hiper_envs.alfworld.long.draw import draw_tasks
from hiper_envs.alfworld.long.env import ALFWorldLongEnv

NUMBERS = (1, 2, 3, 4, 6, 8)
console = Console(width=110)


def measure(run: Callable[[], Any]) -> float:
    """Return the seconds of processor time that a call takes."""
    start = time.thread_time()
    run()
    return time.thread_time() - start


def time_turns(env: ALFWorldLongEnv, tasks: list[str], num_turns: int) -> float:
    """Return the median seconds of a turn on random walks."""
    rng, seconds = random.Random(0), []
    for task in tasks:
        _, info = env.reset(options={"task": task})
        for _ in range(num_turns):
            action = rng.choice(info["admissible_actions"])
            start = time.thread_time()
            *_, is_over, _, info = env.step(action)
            seconds.append(time.thread_time() - start)
            if is_over:
                break
    return statistics.median(seconds)


def plan_lengths(num_goals: int, order: str, tasks: list[str]) -> list[int]:
    """Return the lengths of the plans from the start."""
    env = ALFWorldLongEnv("valid_seen", "generated", expert_plan=True, num_goals=num_goals, order=order)
    return [len(env.reset(options={"task": task})[1]["expert_plan"]) for task in tasks]


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--games", type=int, default=100)
    parser.add_argument("--turns", type=int, default=40)
    arguments = parser.parse_args()
    tasks = ALFWorldLongEnv("valid_seen", "generated", num_goals=8).list_playable()[: arguments.games]
    games = {task: generate(task) for task in tasks}
    making = statistics.median(measure(lambda task=task: generate(task)) for task in task_ids("train")[:100])
    table = Table("goals", "draw", "turns a second", "any, plan", "sequence", "plan any", "plan sequence")
    table.title = f"making a game takes {1e3 * making:.1f} ms"
    for number in NUMBERS:
        drawing = [measure(lambda t=task, g=game, k=number: draw_tasks(g, t, k)) for task, game in games.items()]
        envs = [
            ALFWorldLongEnv("valid_seen", "generated", expert_plan=has_plan, num_goals=number, order=order)
            for order, has_plan in (("any", False), ("any", True), ("sequence", False))
        ]
        turns = [f"{1 / time_turns(env, tasks[:20], arguments.turns):,.0f}" for env in envs]
        plans = [plan_lengths(number, order, tasks) for order in ("any", "sequence")]
        spelt = [f"{statistics.fmean(lengths):.1f} ({max(lengths)})" for lengths in plans]
        table.add_row(str(number), f"{1e3 * statistics.median(drawing):.1f} ms", *turns, *spelt)
    console.print(table)


if __name__ == "__main__":
    main()
