"""Count how real games are made, into data/counts.json.gz: the figures that generated games follow.

Only this script needs the real training games and the list of their ids; what it writes are counts, no game:

    python -m hiper_envs.alfworld.generated.count_games FOLDER_OF_TRAINING_GAMES FILE_OF_TRAINING_IDS

The file of ids holds one JSON object a line with an "id" such as "pick_...-Bowl-None-Shelf-7_trial_T2019...".
"""

import gzip
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from typing import Any

from hiper_envs.alfworld.games.files import GAME_SUFFIXES
from hiper_envs.alfworld.games.problem import Problem, read_game
from hiper_envs.alfworld.generated.counts import FLOOR
from hiper_envs.alfworld.generated.tables import load_types
from hiper_envs.alfworld.generated.tasks import TOOLS

SOURCE = (
    "counts over 200 of ALFWorld's released training games (things, their numbers and places) and over the ids of all"
    " 3,553, as published with BEACON (tasks)"
)
TARGET = Path(__file__).parent / "data" / "counts.json.gz"
TYPE = "Type"


class GameCounts:
    """Counts over games.

    Attributes:
        places: Object type -> furniture type or `FLOOR` -> (things there, things in games that have such furniture).
            The wanted things of tasks that only move them are left out: their places are restricted by the task.
        numbers: Object type -> number of things of the type in a game -> games.
        targets: Number of things a task needs -> number of wanted things in a game -> games.
        num_things: Things for which there is another thing that may hold them.
        num_inside: Those of them that lie in another thing.
        wanted: Furniture type or `FLOOR` -> wanted things there.
    """

    def __init__(self) -> None:
        self.places: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
        self.numbers: dict[str, Counter[int]] = defaultdict(Counter)
        self.targets: dict[int, Counter[int]] = defaultdict(Counter)
        self.num_things = self.num_inside = 0
        self.wanted: Counter[str] = Counter()
        self._choices: list[tuple[str, Set[str]]] = []

    def add(self, problem: Problem) -> None:
        """Count one game."""
        facts = _group_facts(problem)
        furniture = {place: kind.removesuffix(TYPE) for place, kind in facts["receptacletype"]}
        things = {thing: kind.removesuffix(TYPE) for thing, kind in facts["objecttype"]}
        holders = {thing: place for thing, place in reversed(facts["inreceptacle"])}
        places = {thing: furniture[holders[thing]] if thing in holders else FLOOR for thing in things}
        goal = problem.goal
        for kind, number in Counter(things.values()).items():
            if kind == goal.object_type:
                self.targets[2 if goal.kind == "pick_two" else 1][number] += 1
            else:
                self.numbers[kind][number] += 1
        is_moved_only = goal.kind in ("pick", "pick_two")
        for thing, kind in things.items():
            if kind != goal.object_type or not is_moved_only:
                self._count_place(kind, places[thing], {*furniture.values(), FLOOR})
        for thing in (thing for thing, kind in things.items() if kind == goal.object_type):
            self.wanted[places[thing]] += 1
            banned = goal.receptacle_type if is_moved_only else TOOLS.get(goal.kind)
            self._choices.append((goal.object_type, {*furniture.values(), FLOOR} - {banned}))
        contents = load_types().contents
        fitting = {kind for box in things.values() for kind in contents.get(box, ())}
        self.num_things += sum(things[thing] in fitting for (thing,) in facts["pickupable"])
        self.num_inside += sum(thing != other for thing, other in facts["inreceptacleobject"])

    def _count_place(self, kind: str, place: str, present: Set[str]) -> None:
        self.places[kind][place][0] += 1
        for each in present:
            self.places[kind][each][1] += 1

    def expect_wanted(self) -> Mapping[str, float]:
        """Return how many wanted things would lie in each furniture type if they lay as others of their kinds do."""
        expected: dict[str, float] = defaultdict(float)
        for kind, present in self._choices:
            shares = {place: there / seen for place, (there, seen) in self.places[kind].items() if place in present}
            for place, share in shares.items():
                expected[place] += share / sum(shares.values()) if share else 0.0
        return expected


def _group_facts(problem: Problem) -> Mapping[str, list[tuple[str, ...]]]:
    facts: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for predicate, *words in problem.facts:
        facts[predicate.lower()].append(tuple(words))
    return facts


def count_tasks(ids: Iterable[str]) -> dict[str, int]:
    """Return how many games each task has; a task is named as alfworld names its folders."""
    return dict(sorted(Counter(each.partition("_trial_")[0] for each in ids).items()))


def count(files: Iterable[Path], ids: Iterable[str]) -> dict[str, Any]:
    """Return all counts as plain data, see `GameCounts` and `count_tasks`."""
    counts = GameCounts()
    for file in files:
        counts.add(read_game(file))
    expected = counts.expect_wanted()
    return {
        "source": SOURCE,
        "places": {kind: dict(sorted(places.items())) for kind, places in sorted(counts.places.items())},
        "numbers": {kind: dict(sorted(numbers.items())) for kind, numbers in sorted(counts.numbers.items())},
        "targets": {needed: dict(sorted(numbers.items())) for needed, numbers in sorted(counts.targets.items())},
        "wanted": {place: [counts.wanted[place], round(number, 1)] for place, number in sorted(expected.items())},
        "inside": [counts.num_inside, counts.num_things],
        "tasks": count_tasks(ids),
    }


def main(arguments: list[str]) -> None:
    """Write the data file; the same games give the same bytes."""
    if len(arguments) != 2:
        raise SystemExit("usage: python -m hiper_envs.alfworld.generated.count_games FOLDER FILE_OF_IDS")
    folder, list_of_ids = map(Path, arguments)
    files = sorted(path for path in folder.rglob("*") if path.name.endswith(GAME_SUFFIXES))
    opener = gzip.open if list_of_ids.suffix == ".gz" else open
    with opener(list_of_ids, "rt", encoding="utf-8") as lines:
        ids = [json.loads(line)["id"] for line in lines]
    text = json.dumps(count(files, ids), separators=(",", ":"))
    TARGET.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


if __name__ == "__main__":
    main(sys.argv[1:])
