"""How close generated games are to the released: python benchmarks/alfworld_games.py [--games FOLDER] [--plans FILE].

Without the released games (by default those under $ALFWORLD_DATA) the generated games' own columns are printed.
FILE holds published plans, one JSON object a line with a "plan", a list of commands.
"""

import argparse
import gzip
import json
import os
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from hiper_envs.alfworld.games.problem import Problem
from hiper_envs.alfworld.generated.first_tasks import first_task_ids
from hiper_envs.alfworld.generated.generate import generate, task_ids
from hiper_envs.alfworld.rules.engine import Engine
from hiper_envs.alfworld.rules.solver import solve
from hiper_envs.alfworld.sources import REAL, open_games

TREATED = ("clean", "cool", "heat")
NEVER_FILLED = ("StoveBurnerType", "ToasterType", "CoffeeMachineType")
NUM_PLACES = 8
console = Console(width=140)


class GameFigures:
    """Averages and shares over games, added one by one."""

    def __init__(self) -> None:
        self.num_games = 0
        self.totals: Counter[str] = Counter()
        self.wanted: Counter[int] = Counter()
        self.treated: dict[str, Counter[str]] = defaultdict(Counter)
        self.plans = PlanFigures()

    def add(self, problem: Problem) -> None:
        """Count one game, and the solver's plan for it."""
        facts: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        for predicate, *words in problem.facts:
            facts[predicate].append(tuple(words))
        furniture, things = dict(facts["receptacleType"]), dict(facts["objectType"])
        holders = dict(facts["inReceptacle"])
        seekable = [place for place, kind in furniture.items() if kind not in NEVER_FILLED]
        self.num_games += 1
        self.totals["things"] += len(things)
        self.totals["pickupable"] += len(facts["pickupable"])
        self.totals["receptacles"] += len(furniture)
        self.totals["looked at"] += len(seekable)
        self.totals["empty"] += len(set(seekable) - set(holders.values()))
        wanted = [thing for thing, kind in things.items() if kind == f"{problem.goal.object_type}Type"]
        self.wanted[min(len(wanted), 4)] += 1
        if problem.goal.kind in TREATED:
            there = [furniture.get(holders.get(thing, "")) == f"{problem.goal.receptacle_type}Type" for thing in wanted]
            self.treated[problem.goal.kind].update(games=1, any=any(there), all=all(there))
        engine = Engine(problem)
        engine.reset()
        self.plans.add(solve(engine, problem))

    def list_rows(self) -> Mapping[str, str]:
        """Return the printed figures by their names."""
        mean = {name: f"{self.totals[name] / self.num_games:.1f}" for name in ("things", "pickupable", "receptacles")}
        rows = {
            "games": str(self.num_games),
            "things": mean["things"],
            "of them can be picked up": mean["pickupable"],
            "receptacles": mean["receptacles"],
            "empty receptacles, without burners, toasters, coffee machines": _percent(
                self.totals["empty"], self.totals["looked at"]
            ),
            "of the kind asked for: one / two / three / more": _shares(self.wanted, [1, 2, 3, 4]),
        }
        for kind in TREATED:
            found = self.treated[kind]
            rows[f"{kind}: one / all of them already at the destination's kind"] = (
                f"{_percent(found['any'], found['games'])} / {_percent(found['all'], found['games'])}"
            )
        return rows | {f"solver's plans: {name}": value for name, value in self.plans.list_rows().items()}


class PlanFigures:
    """What plans take, from where, and what they open."""

    def __init__(self) -> None:
        self.num_plans = self.num_opened = 0
        self.places: Counter[str] = Counter()
        self.numbers: Counter[int] = Counter()

    def add(self, plan: Sequence[str]) -> None:
        """Count one plan."""
        self.num_plans += 1
        for command in plan:
            taken = re.fullmatch(r"take \w+ (\d+) from (\w+) \d+", command)
            if taken:
                self.numbers[min(int(taken[1]), 4)] += 1
                self.places[taken[2]] += 1
            self.num_opened += command.startswith("open ")

    def list_rows(self) -> Mapping[str, str]:
        """Return the printed figures by their names."""
        total = sum(self.places.values())
        places = [f"{place} {_percent(count, total)}" for place, count in self.places.most_common(NUM_PLACES)]
        return {
            "number of the thing taken: 1 / 2 / 3 / more": _shares(self.numbers, [1, 2, 3, 4]),
            "opened in a game": f"{self.num_opened / self.num_plans:.2f}",
            "taken from": ", ".join(places),
        }


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f}" if whole else "-"


def _shares(counts: Counter[int], keys: Sequence[int]) -> str:
    return " / ".join(_percent(counts[key], sum(counts.values())) for key in keys)


def measure(problems: Iterable[Problem], title: str) -> GameFigures:
    """Return the figures of games, with progress."""
    figures = GameFigures()
    for problem in track(list(problems), description=title, console=Console(stderr=True), transient=True):
        figures.add(problem)
    return figures


def load_real(folder: Path | None, split: str) -> list[Problem]:
    """Return the released games of a split; none where they are not at hand."""
    if folder is None:
        if not os.environ.get("ALFWORLD_DATA"):
            return []
        games = open_games(REAL, split)
    else:
        games = open_games(str(folder), split)
    return [games.load(task) for task in games.tasks]


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--games", type=Path, help="folder of the released games, default: $ALFWORLD_DATA")
    parser.add_argument("--plans", type=Path, help="published plans, JSON lines")
    parser.add_argument("--sample", type=int, default=500, help="generated training games, default 500")
    arguments = parser.parse_args()
    columns = {}
    for split in ("train", "valid_seen", "valid_unseen"):
        real = load_real(arguments.games, split)
        if real:
            columns[f"real {split}"] = measure(real, f"real {split}").list_rows()
    for edition, list_ids in (("second", task_ids), ("first", first_task_ids)):
        ids = random.Random(0).sample(list(list_ids("train")), arguments.sample)
        columns[f"{edition} edition, train"] = measure(map(generate, ids), edition).list_rows()
    print_columns(columns)
    if arguments.plans:
        plans = PlanFigures()
        opener = gzip.open if arguments.plans.suffix == ".gz" else open
        with opener(arguments.plans, "rt", encoding="utf-8") as lines:
            for line in lines:
                plans.add(json.loads(line)["plan"])
        print_columns({f"{plans.num_plans} published plans": plans.list_rows()})


def print_columns(columns: Mapping[str, Mapping[str, str]]) -> None:
    """Print a table with one row a figure."""
    table = Table("", *columns)
    for name in next(iter(columns.values())):
        table.add_row(name, *(rows[name] for rows in columns.values()))
    console.print(table)


if __name__ == "__main__":
    main()
