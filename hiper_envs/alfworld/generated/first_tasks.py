"""The ids of the first edition's games: its frozen panels and records name them.

Its lists have the real splits' sizes and shares of types and rooms; their tasks are drawn from the type tables.
"""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TypeVar

from hiper_envs.alfworld.games.goals import GoalKind
from hiper_envs.alfworld.generated.tables import floor_plans, room_of
from hiper_envs.alfworld.generated.tasks import SPLIT_SIZES, UNSEEN_PLANS, Task, suited_pairs
from hiper_envs.alfworld.generated.things import draw_weighted
from webshop_server.allowed_names import check_choice

TEST_PLANS = (9, 29, 215, 226, 315, 325, 404, 425)
"""ALFRED keeps these for its hidden test; no real split of ALFWorld uses them, so none does here."""
ROOM_SHARES: Mapping[GoalKind, Mapping[str, float]] = {
    "pick": {"Kitchen": 0.13, "LivingRoom": 0.25, "Bedroom": 0.27, "Bathroom": 0.35},
    "pick_two": {"Kitchen": 0.11, "LivingRoom": 0.25, "Bedroom": 0.25, "Bathroom": 0.39},
    "look_at": {"LivingRoom": 0.17, "Bedroom": 0.83},
    "clean": {"Kitchen": 0.67, "Bathroom": 0.33},
    "heat": {"Kitchen": 1.0},
    "cool": {"Kitchen": 1.0},
}
"""In which rooms the real tasks of a kind take place."""
TRIAL_SHARES = (0.1, 0.2, 0.7)
"""How often a training task has one, two, three games."""
NEVER_TARGETS = frozenset({"BaseballBat", "BasketBall", "TennisRacket", "WateringCan"})
"""Things that lie around in the real games and that no task of this edition asks for."""

T = TypeVar("T")
Pair = tuple[str, str]
"""Object type and receptacle type."""


@cache
def first_task_ids(split: str) -> Sequence[str]:
    """Return the ids of a split in their fixed order: 3,553 train, 140 valid_seen, 134 valid_unseen.

    Raises:
        ValueError: for an unknown split.
    """
    check_choice(split, SPLIT_SIZES, "split")
    generator = random.Random(20200000 + list(SPLIT_SIZES).index(split))
    ids = [task.id for kind, size in SPLIT_SIZES[split].items() for task in _draw_tasks(split, kind, size, generator)]
    for last in range(len(ids) - 1, 0, -1):
        other = int(generator.random() * (last + 1))
        ids[last], ids[other] = ids[other], ids[last]
    return tuple(ids)


def _draw_tasks(split: str, kind: GoalKind, size: int, generator: random.Random) -> Iterator[Task]:
    """Yield `size` games of one kind; a tuple drawn again gives further trials of it."""
    plans = (
        UNSEEN_PLANS if split == "valid_unseen" else [p for p in floor_plans() if p not in UNSEEN_PLANS + TEST_PLANS]
    )
    choices = _choices_by_room(kind, plans)
    groups = {room: _group_pairs(plans_by_pair) for room, plans_by_pair in choices.items()}
    shares = [ROOM_SHARES[kind][room] for room in choices]
    trials: Counter[str] = Counter()
    while size:
        room = draw_weighted(generator, list(choices), shares)
        object_type, receptacle_type = _draw_pair(groups[room], generator)
        plan = _pick(choices[room][object_type, receptacle_type], generator)
        num_trials = draw_weighted(generator, (1, 2, 3), TRIAL_SHARES) if split == "train" else 1
        for _ in range(min(num_trials, size)):
            task = Task(split, kind, object_type, receptacle_type, plan, 0, edition=1)
            yield replace(task, trial=trials[task.name])
            trials[task.name] += 1
            size -= 1


def _group_pairs(pairs: Iterable[Pair]) -> tuple[list[list[Pair]], list[list[Pair]]]:
    """Return the pairs of each object type, and the pairs of each receptacle type."""
    groups: tuple[dict[str, list[Pair]], dict[str, list[Pair]]] = ({}, {})
    for pair in sorted(pairs):
        for kind, group in zip(pair, groups, strict=True):
            group.setdefault(kind, []).append(pair)
    return list(groups[0].values()), list(groups[1].values())


def _draw_pair(groups: tuple[list[list[Pair]], list[list[Pair]]], generator: random.Random) -> Pair:
    """Draw the object or the receptacle first, so that rare ones of both come up, as ALFRED balanced them."""
    return _pick(_pick(groups[int(generator.random() * 2)], generator), generator)


def _pick(choices: Sequence[T], generator: random.Random) -> T:
    return choices[int(generator.random() * len(choices))]


def _choices_by_room(kind: GoalKind, plans: Sequence[int]) -> dict[str, dict[Pair, list[int]]]:
    """Return room -> (object type, receptacle type) -> floor plans, for the rooms in which the kind takes place."""
    choices: dict[str, dict[Pair, list[int]]] = {}
    for plan in plans:
        if room_of(plan) in ROOM_SHARES[kind]:
            for object_type, receptacles in suited_pairs(kind, plan).items():
                for receptacle in receptacles if object_type not in NEVER_TARGETS else ():
                    plans_by_pair = choices.setdefault(room_of(plan), {})
                    plans_by_pair.setdefault((object_type, receptacle), []).append(plan)
    return choices
