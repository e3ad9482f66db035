"""Speed and size of both ALFWorld engines, in one run: python benchmarks/alfworld.py [--steps 300] [--resets 20000].

Every figure of the official engine is measured twice: as it comes, and as this project runs it behind
engine="textworld". Without the extra `official` only the fast engine is measured.
"""

import argparse
import gc
import os
import random
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import gymnasium as gym
from rich.console import Console
from rich.table import Table

import hiper_envs  # noqa: F401 - registers the ids
from hiper_envs.alfworld.games.problem import Problem
from hiper_envs.alfworld.generated.generate import generate, task_ids
from hiper_envs.alfworld.official.engine import OfficialEngine, is_installed, write_official_game
from hiper_envs.alfworld.rules.commands import list_commands
from hiper_envs.alfworld.rules.engine import Engine, Output

ROOMS = {"kitchen": range(1, 31), "bathroom": range(401, 431)}
MICROSECOND = 1e-6
console = Console(width=110)


class Playable(Protocol):
    """What both engines can do."""

    def reset(self) -> Output:
        """Begin the game again."""

    def step(self, command: str) -> Output:
        """Play one command."""


class UnmodifiedEngine:
    """The official engine exactly as alfworld's own environment runs it, batching left out."""

    def __init__(self, problem: Problem) -> None:
        import textworld
        from alfworld.agents.environment.alfred_tw_env import AlfredDemangler
        from textworld.envs.pddl import PddlEnv

        infos = textworld.EnvInfos(won=True, admissible_commands=True)
        self.env = AlfredDemangler()(PddlEnv(infos))
        self.env.load(write_official_game(problem))

    def reset(self) -> Output:
        """Begin the game again."""
        state = self.env.reset()
        return Output(state["feedback"], state["admissible_commands"], state["won"])

    def step(self, command: str) -> Output:
        """Play one command."""
        state, _, _ = self.env.step(command)
        return Output(state["feedback"], state["admissible_commands"], state["won"])


def choose_game(room: str) -> Problem:
    """Return the split's game of median size in a kind of room."""
    ids = [task for task in task_ids("train") if int(task.split("/")[1].rsplit("-", 1)[1]) in ROOMS[room]]
    games = [generate(task) for task in random.Random(0).sample(ids, 41)]
    return sorted(games, key=lambda game: len(game.facts))[20]


def measure(run: Callable[[], Any]) -> float:
    """Return the seconds of processor time that a call takes, whatever else the machine does meanwhile."""
    start = time.thread_time()
    run()
    return time.thread_time() - start


def record_walk(problem: Problem, num_steps: int) -> list[str]:
    """Return a walk that opens, takes and puts as often as it travels."""
    engine, rng = Engine(problem), random.Random(1)
    admissible, walk = engine.reset().admissible, []
    for _ in range(num_steps):
        verb = rng.choice(sorted({command.split(" ")[0] for command in admissible}))
        walk.append(rng.choice([command for command in admissible if command.split(" ")[0] == verb]))
        admissible = engine.step(walk[-1]).admissible
    return walk


def time_engine(engine: Playable, walk: list[str], num_resets: int) -> tuple[float, float]:
    """Return the median seconds of a reset and of a step."""
    resets = [measure(engine.reset) for _ in range(num_resets)]
    steps = [measure(partial(engine.step, command)) for command in walk]
    return statistics.median(resets), statistics.median(steps)


def compare_engines(room: str, num_steps: int) -> None:
    """Print resets and steps of all engines on the same walk."""
    problem = choose_game(room)
    walk = record_walk(problem, num_steps)
    fast = time_engine(Engine(problem), walk * 10, 200)
    table = Table("engine", "reset", "ratio", "step", "ratio", title=f"{room}, {len(problem.facts)} facts")
    table.add_row("fast", spell(fast[0]), "1", spell(fast[1]), "1")
    if is_installed():
        official = OfficialEngine(problem)
        slow: dict[str, Playable] = {"official, unmodified": UnmodifiedEngine(problem), 'engine="textworld"': official}
        for name, engine in slow.items():
            reset, step = time_engine(engine, walk, 3)
            table.add_row(name, spell(reset), f"{reset / fast[0]:,.0f}", spell(step), f"{step / fast[1]:,.0f}")
        official.close()
    console.print(table)


def spell(seconds: float) -> str:
    """Return a duration for people."""
    return f"{seconds / MICROSECOND:,.1f} us" if seconds < 1e-3 else f"{seconds * 1e3:,.1f} ms"


def measure_memory() -> int:
    """Return the process's resident memory in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def measure_games(num_games: int = 200) -> None:
    """Python's memory for games, their shared worlds and an engine each."""
    ids = random.Random(2).sample(list(task_ids("train")), num_games + 20)
    for task in ids[:20]:
        Engine(generate(task)).reset()
    gc.collect()
    tracemalloc.start()
    engines = [Engine(generate(task)) for task in ids[20:]]
    for engine in engines:
        engine.reset()
    gc.collect()
    size = tracemalloc.get_traced_memory()[0] / len(engines)
    tracemalloc.stop()
    console.print(f"memory a game, world and engine included: {size / 1e3:.0f} KB (mean of {num_games})")


def measure_growth(name: str, engine: Playable, num_resets: int) -> None:
    """Print what many resets of one engine leave behind."""

    def count() -> tuple[int, int, int]:
        return measure_memory(), len(os.listdir("/proc/self/fd")), len(os.listdir(tempfile.gettempdir()))

    for _ in range(max(3, num_resets // 20)):
        engine.reset()
    before = count()
    for _ in range(num_resets):
        engine.reset()
    memory, files, temporary = (after - first for after, first in zip(count(), before, strict=True))
    console.print(
        f"{name}: growth over {num_resets:,} resets: {memory / 1e6:+.1f} MB, "
        f"{files:+d} file descriptors, {temporary:+d} temporary files"
    )


def measure_environment_growth(num_resets: int) -> None:
    """Resets of the whole environment, each on a drawn task."""
    env = gym.make("hiper/ALFWorld-v0")
    env.reset(seed=0)
    for _ in range(num_resets // 2):  # until every floor plan has been read
        env.reset()
    before = measure_memory()
    seconds = measure(lambda: [env.reset() for _ in range(num_resets)])
    grown = (measure_memory() - before) / 1e6
    each = spell(seconds / num_resets)
    console.print(f"environment: {each} a reset on a new task, growth over {num_resets:,}: {grown:+.1f} MB")


def measure_vector(num_envs: int = 1024, num_rounds: int = 20) -> None:
    """Print the speed of many games in one process, each on its own task."""
    envs = gym.make_vec("hiper/ALFWorld-v0", num_envs=num_envs, vectorization_mode="vector_entry_point")
    rng = random.Random(3)
    seconds = measure(lambda: envs.reset(seed=0))
    console.print(f"vector of {num_envs:,} games: first reset {seconds:.2f} s, {measure_memory() / 1e6:.0f} MB in all")
    _, infos = envs.reset()
    times = []
    for _ in range(num_rounds):
        actions = [rng.choice(admissible) for admissible in infos["admissible_actions"]]
        start = time.thread_time()
        *_, infos = envs.step(actions)
        times.append(time.thread_time() - start)
    console.print(f"vector of {num_envs:,} games: {num_envs / statistics.median(times):,.0f} steps a second")
    envs.close()


def profile_step(num_steps: int) -> None:
    """Where a step's time goes, in a kitchen."""
    problem = choose_game("kitchen")
    engine, walk = Engine(problem), record_walk(problem, num_steps * 10)
    parts: dict[str, list[float]] = {
        "whole step": [],
        "admissible list": [],
        "goal": [],
        "get_state": [],
        "set_state": [],
    }
    for command in walk:
        parts["whole step"].append(measure(partial(engine.step, command)))
        parts["admissible list"].append(measure(partial(list_commands, engine.world, engine)))
        parts["goal"].append(measure(engine.is_won))
        state = engine.get_state()
        parts["get_state"].append(measure(engine.get_state))
        parts["set_state"].append(measure(partial(engine.set_state, state)))
    medians = ", ".join(f"{name} {spell(statistics.median(times))}" for name, times in parts.items())
    console.print(f"fast engine, kitchen: {medians}")


def main() -> None:
    """Print all figures."""
    # Run as a script, this file would hide the package alfworld, whose name it bears.
    sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != Path(__file__).resolve().parent]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=200, help="steps on each engine")
    parser.add_argument("--resets", type=int, default=20_000, help="resets for the growth of the fast engine")
    arguments = parser.parse_args()
    # Temporary files are counted in a folder of our own: others use the common one.
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder
        print_figures(arguments.steps, arguments.resets)


def print_figures(num_steps: int, num_resets: int) -> None:
    """Print all figures; times are processor time, medians."""
    note = "" if is_installed() else " (the official engine is not installed: nothing to compare with)"
    console.print(f"ALFWorld, medians of processor time{note}")
    for room in ROOMS:
        compare_engines(room, num_steps)
    profile_step(num_steps)
    measure_games()
    problem = choose_game("bathroom")
    measure_growth("fast engine", Engine(problem), num_resets)
    measure_environment_growth(num_resets // 4)
    if is_installed():
        official = OfficialEngine(problem)
        measure_growth('engine="textworld"', official, num_resets // 100)
        official.close()
    measure_vector()


if __name__ == "__main__":
    main()
