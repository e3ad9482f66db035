"""Which tasks there are: the ids of the three splits, and what an id says.

An id such as 'train/pick_cool_then_place_in_recep-Bowl-None-DiningTable-23/2' holds everything: the split, the task as
alfworld names its folders (type, object, movable receptacle, receptacle or lamp, floor plan), the number of the trial.
The lists have the real splits' sizes and shares of types and rooms; their tuples are drawn from the type tables.
"""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeVar

from hiper_envs.alfworld.games.goals import GoalKind
from hiper_envs.alfworld.generated.placement import STATIC_PLACES, draw_weighted
from hiper_envs.alfworld.generated.tables import floor_plans, load_types, room_of, scene_types
from webshop_server.allowed_names import check_choice

KINDS: Mapping[str, GoalKind] = {
    "pick_and_place_simple": "pick",
    "look_at_obj_in_light": "look_at",
    "pick_clean_then_place_in_recep": "clean",
    "pick_heat_then_place_in_recep": "heat",
    "pick_cool_then_place_in_recep": "cool",
    "pick_two_obj_and_place": "pick_two",
}
"""alfworld's task type to the kind of goal."""
TASK_TYPES = {kind: task_type for task_type, kind in KINDS.items()}
SPLIT_SIZES: Mapping[str, Mapping[GoalKind, int]] = {
    "train": {"pick": 790, "look_at": 308, "clean": 650, "heat": 459, "cool": 533, "pick_two": 813},
    "valid_seen": {"pick": 35, "look_at": 13, "clean": 27, "heat": 16, "cool": 25, "pick_two": 24},
    "valid_unseen": {"pick": 24, "look_at": 18, "clean": 31, "heat": 23, "cool": 21, "pick_two": 17},
}
"""Games per kind of goal, as in the real splits: 3,553, 140 and 134."""
UNSEEN_PLANS = (10, 219, 308, 424)
"""ALFRED's held-out floor plans: all of valid_unseen, and nothing else."""
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
LAMP = "DeskLamp"
TOOLS = {"clean": "SinkBasin", "heat": "Microwave", "cool": "Fridge"}
"""What a kind of goal needs; things are never put back into it as their goal."""
NO_GOALS = frozenset({"TowelHolder", "HandTowelHolder", "LaundryHamper", "TVStand", "Toaster"})
NO_PAIRS = frozenset({"CoffeeMachine", "StoveBurner", "ToiletPaperHanger"})
"""Too small for two."""
NEVER_TARGETS = frozenset({"BaseballBat", "BasketBall", "TennisRacket", "WateringCan"})
"""Things that lie around in the real games and that no real task asks for."""
LIGHT_OBJECTS = frozenset(
    "AlarmClock Book Bowl Box CD CellPhone CreditCard KeyChain Laptop Mug Newspaper Pen Pencil Pillow Plate Statue "
    "TissueBox Vase Watch".split()
)
"""What the real tasks look at under a lamp."""

T = TypeVar("T")
Pair = tuple[str, str]
"""Object type and receptacle type."""


@dataclass(frozen=True)
class Task:
    """One game's task; `receptacle_type` is the lamp's type when the goal is to look at something."""

    split: str
    kind: GoalKind
    object_type: str
    receptacle_type: str
    floor_plan: int
    trial: int

    @property
    def name(self) -> str:
        """The task as alfworld names its folders."""
        return f"{TASK_TYPES[self.kind]}-{self.object_type}-None-{self.receptacle_type}-{self.floor_plan}"

    @property
    def id(self) -> str:
        """The id from which the game is built."""
        return f"{self.split}/{self.name}/{self.trial}"


def parse_task_id(task_id: str) -> Task:
    """Read an id; any task that the room and the type tables allow is good, listed or not.

    Raises:
        ValueError: in one sentence, when the id says nothing that can be built.
    """
    parts = task_id.split("/")
    fields = parts[1].split("-") if len(parts) == 3 else []
    if len(fields) != 5 or not fields[4].isdecimal() or not parts[2].isdecimal():
        raise ValueError(
            f"{task_id!r} is no task id; one reads SPLIT/TYPE-OBJECT-None-RECEPTACLE-FLOORPLAN/TRIAL, such as "
            "'train/pick_cool_then_place_in_recep-Bowl-None-DiningTable-23/2'"
        )
    check_choice(parts[0], SPLIT_SIZES, "split")
    kind = KINDS[check_choice(fields[0], KINDS, "task type")]
    if fields[2] != "None":
        raise ValueError(f"{task_id!r} asks for a movable receptacle ({fields[2]!r}); only 'None' can be built")
    plan = int(fields[4])
    if plan not in floor_plans():
        raise ValueError(f"unknown floor plan {plan} in {task_id!r}; there are 1-30, 201-230, 301-330 and 401-430")
    pairs = _pairs(kind, plan)
    object_type = check_choice(fields[1], pairs, f"object for {fields[0]} on floor plan {plan}")
    receptacle = check_choice(fields[3], pairs[object_type], f"receptacle for a {object_type} on floor plan {plan}")
    return Task(parts[0], kind, object_type, receptacle, plan, int(parts[2]))


@cache
def task_ids(split: str) -> Sequence[str]:
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
            task = Task(split, kind, object_type, receptacle_type, plan, 0)
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
            for object_type, receptacles in _pairs(kind, plan).items():
                for receptacle in receptacles:
                    plans_by_pair = choices.setdefault(room_of(plan), {})
                    plans_by_pair.setdefault((object_type, receptacle), []).append(plan)
    return choices


@cache
def _pairs(kind: GoalKind, plan: int) -> dict[str, tuple[str, ...]]:
    """Return object type -> receptacle types that make a task of this kind on a floor plan."""
    types, present = load_types(), scene_types(plan)
    fixed = [name for name in types.receptacles if name in present and name in types.contents]
    if kind == "look_at":
        has_lamp = LAMP in present and any(place in present for place in STATIC_PLACES[LAMP])
        return {name: (LAMP,) for name in sorted(LIGHT_OBJECTS & present)} if has_lamp else {}
    tool = TOOLS.get(kind)
    if tool is not None and tool not in present:
        return {}
    pairs = {}
    for name in sorted((_suited_objects(kind) & present) - NEVER_TARGETS):
        homes = [place for place in fixed if name in types.contents[place]]
        goals = tuple(place for place in homes if _is_goal(kind, place) and len(homes) > 1)
        if goals:
            pairs[name] = goals
    return pairs


def _suited_objects(kind: GoalKind) -> frozenset[str]:
    properties = {"clean": "cleanable", "heat": "heatable", "cool": "coolable"}
    return load_types().properties[properties[kind]] if kind in properties else load_types().pickupable


def _is_goal(kind: GoalKind, receptacle: str) -> bool:
    if receptacle in NO_GOALS or receptacle == TOOLS.get(kind):
        return False
    return not (kind == "pick_two" and receptacle in NO_PAIRS) and not (
        kind == "pick" and receptacle == "CoffeeMachine"
    )
