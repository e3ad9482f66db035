"""Speed and size of WebShop: opening, searching, stepping, memory, building.

    python benchmarks/webshop.py                          # the embedded catalogue of 1,000 products
    python benchmarks/webshop.py --data FOLDER            # real files or a built catalogue
    python benchmarks/webshop.py --build 1200000 --out FOLDER    # generate and build one first

Times are wall-clock with the processor time beside them, so that a busy machine can be told from slow code.
"""

from __future__ import annotations

import pickle
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import tyro

import hiper_envs  # noqa: F401  registers the ids
from hiper_envs.webshop.catalogues import open_catalogue
from hiper_envs.webshop.env import WebShopEnv
from webshop_server.catalogue.builder import build_archive
from webshop_server.catalogue.catalogue import Catalogue
from webshop_server.generated.generate import generate_products

ID = "hiper/WebShop-v0"
NUM_SEARCHES = 400
NUM_STEPS = 20_000
NUM_ENVS = 100
MAX_TURNS = 15
NUM_RESETS = 2_000
_OPEN_AND_SEARCH = """
import sys, time
start = time.perf_counter()
from webshop_server.catalogue.catalogue import Catalogue
imported = time.perf_counter()
catalogue = Catalogue.load(sys.argv[1])
opened = time.perf_counter()
catalogue.search("red shoes for women with rubber sole")
searched = time.perf_counter()
resident = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmRSS:"))
print(imported - start, opened - imported, searched - opened, resident)
"""


@dataclass(frozen=True)
class Arguments:
    """What to measure."""

    data: Path | None = None
    """Real files or a built catalogue; without it, the embedded catalogue."""
    build: int | None = None
    """Generate and build a catalogue of this many products, and measure that."""
    out: Path | None = None
    """Where to build; without it, a temporary folder."""


def main(arguments: Arguments) -> None:
    """Print all figures."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.data
        if arguments.build:
            folder = arguments.out or Path(temporary) / "catalogue"
            report_build(arguments.build, folder)
        catalogue = Catalogue.load(folder) if folder else open_catalogue()
        report_opening(catalogue)
        report_searches(catalogue)
        report_steps(catalogue)
        report_memory(catalogue)


def report_build(num_products: int, folder: Path) -> None:
    """Generate and build a catalogue."""
    with Timer() as timer:
        build_archive(generate_products(num_products, 0), folder)
    size = sum(path.stat().st_size for path in folder.iterdir())
    show("generate and build", f"{num_products:,} products in {timer}, {size / 1e6:,.0f} MB on disk")
    show("  largest memory of that", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


def report_opening(catalogue: Catalogue) -> None:
    """Open the catalogue in a fresh process."""
    command = [sys.executable, "-c", _OPEN_AND_SEARCH, str(catalogue.folder)]
    output = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    imported, opened, searched, kilobytes = map(float, output.split())
    show("products", f"{len(catalogue.products):,}")
    show("fresh process: import / open / first search", f"{imported:.2f} s / {opened:.3f} s / {searched * 1e3:.1f} ms")
    show("  its resident memory then", f"{kilobytes / 1024:,.0f} MB")
    with Timer() as timer:
        num_goals = len(catalogue.goals())
    show("goals, drawn and put in order", f"{num_goals:,} in {timer}")


def report_searches(catalogue: Catalogue) -> None:
    """Search for instructions, none of them twice."""
    goals = catalogue.goals()
    places = random.Random(0).sample(range(len(goals)), min(NUM_SEARCHES, len(goals)))
    queries = [goals[place].instruction for place in places]
    for name, texts in (("instructions", queries), ("three words of one", [" ".join(q.split()[2:5]) for q in queries])):
        timers = [time_search(catalogue, text) for text in texts]
        wall, processor = (sorted(timer[part] for timer in timers) for part in (0, 1))
        show(f"search, {name}: median / p95", f"{describe(wall)} ms ({describe(processor)} ms of processor)")
    show("  resident memory", f"{read_resident():,.0f} MB")


def time_search(catalogue: Catalogue, text: str) -> tuple[float, float]:
    """Return the milliseconds of a search, by the wall clock and of processor."""
    with Timer() as timer:
        catalogue.search(text)
    return timer.wall * 1e3, timer.processor * 1e3


def describe(spent: list[float]) -> str:
    """Write the median and the 95th percentile of sorted times."""
    return f"{statistics.median(spent):.2f} / {spent[int(0.95 * len(spent))]:.2f}"


def report_steps(catalogue: Catalogue) -> None:
    """Walk at random: searches for instructions, clicks, options, purchases."""
    for observation in ("text", "text_rich", "html"):
        env: Any = gym.make(ID, data=catalogue, split="all", observation=observation).unwrapped
        walk(env, 2_000, random.Random(1))
        with Timer() as steps:
            walk(env, NUM_STEPS, random.Random(2))
        with Timer() as resets:
            for _ in range(NUM_RESETS):
                env.reset()
        show(
            f"steps a second, {observation}",
            f"{NUM_STEPS / steps.wall:,.0f} ({NUM_STEPS / steps.processor:,.0f} a processor second)",
        )
        show(
            "  a reset",
            f"{resets.wall / NUM_RESETS * 1e6:.0f} µs ({resets.processor / NUM_RESETS * 1e6:.0f} µs of processor)",
        )


def walk(env: WebShopEnv, num_steps: int, generator: random.Random) -> None:
    """Take steps at random, with a reset after a purchase or 15 turns."""
    instructions = [env.reset(options={"task": task % len(env.tasks)})[1]["instruction"] for task in range(300)]
    _, info = env.reset(seed=0)
    turns = 0
    for _ in range(num_steps):
        if info["has_search_bar"] or generator.random() < 0.1:
            action = f"search[{generator.choice(instructions)}]"
        else:
            action = generator.choice(info["admissible_actions"])
        _, _, terminated, _, info = env.step(action)
        turns += 1
        if terminated or turns == MAX_TURNS:
            _, info = env.reset()
            turns = 0


def report_memory(catalogue: Catalogue) -> None:
    """Make many environments over one catalogue, and take a snapshot of one."""
    gym.make(ID, data=catalogue, split="all").reset()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    envs: list[Any] = [gym.make(ID, data=catalogue, split="all") for _ in range(NUM_ENVS)]
    for env in envs:
        env.reset()
        env.step("search[shoes]")
    size = (tracemalloc.get_traced_memory()[0] - before) / NUM_ENVS
    tracemalloc.stop()
    show("an environment", f"{size / 1024:.1f} KB")
    env = envs[0].unwrapped
    state = env.get_state()
    spent = measure(lambda: [env.set_state(env.get_state()) for _ in range(1000)]) / 1000
    show("a snapshot", f"{len(pickle.dumps(state)):,} bytes pickled, taken and restored in {spent * 1e6:.0f} µs")
    vector: Any = gym.make_vec(ID, num_envs=64, vectorization_mode="vector_entry_point", data=catalogue, split="all")
    vector.reset(seed=0)
    vector.step(["search[red shoes]"] * 64)
    spent = measure(lambda: [vector.step([action] * 64) for action in ("click[next >]", "click[< prev]") * 20])
    show("64 environments in one process", f"{64 * 40 / spent:,.0f} steps a second over results pages")


class Timer:
    """Wall-clock and processor seconds of a block."""

    def __enter__(self) -> Timer:
        self._start = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall, self.processor = time.perf_counter() - self._start[0], time.process_time() - self._start[1]

    def __str__(self) -> str:
        return f"{self.wall:,.2f} s ({self.processor:,.2f} s of processor)"


def measure(work: Callable[[], object]) -> float:
    """Return the seconds that some work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def read_resident() -> float:
    """Return this process's resident memory in MB, pages of mapped files included."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def show(name: str, value: str) -> None:
    """Print one figure."""
    print(f"{name:<46} {value}", flush=True)


if __name__ == "__main__":
    main(tyro.cli(Arguments))
