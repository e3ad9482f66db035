"""Which tasks there are: what a task's id says, and the ids of the splits.

An id such as 'v2/train/pick_cool_then_place_in_recep-Bowl-None-DiningTable-23/2' holds everything: the edition of the
games, the split, the task as alfworld names its folders (type, object, movable receptacle, receptacle or lamp, floor
plan), the number of the trial. Ids of the first edition have no 'v2/' before them; see `first_tasks`.

The training split has the real one's tasks, each with as many games. The others have the real ones' sizes: valid_seen
draws its tasks from those of training, valid_unseen has the pairs of object and receptacle that training has, as often
as there, in floor plans that training never sees.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from hiper_envs.alfworld.games.goals import GoalKind
from hiper_envs.alfworld.generated.counts import load_counts
from hiper_envs.alfworld.generated.tables import STATIC_PLACES, floor_plans, load_types, room_of, scene_types
from hiper_envs.alfworld.generated.things import draw_weighted
from hiper_envs.task_types import TASK_KINDS
from webshop_server.allowed_names import check_choice

TASK_TYPES = {kind: task_type for task_type, kind in TASK_KINDS.items()}
SPLIT_SIZES: Mapping[str, Mapping[GoalKind, int]] = {
    "train": {"pick": 790, "look_at": 308, "clean": 650, "heat": 459, "cool": 533, "pick_two": 813},
    "valid_seen": {"pick": 35, "look_at": 13, "clean": 27, "heat": 16, "cool": 25, "pick_two": 24},
    "valid_unseen": {"pick": 24, "look_at": 18, "clean": 31, "heat": 23, "cool": 21, "pick_two": 17},
}
"""Games per kind of goal, as in the real splits: 3,553, 140 and 134."""
EDITION = 2
UNSEEN_PLANS = (10, 219, 308, 424)
"""ALFRED's held-out floor plans: all of valid_unseen, and nothing else."""
LAMP = "DeskLamp"
TOOLS = {"clean": "SinkBasin", "heat": "Microwave", "cool": "Fridge"}
"""What a kind of goal needs; things are never put back into it as their goal."""
NO_GOALS = frozenset({"TowelHolder", "HandTowelHolder", "LaundryHamper", "TVStand", "Toaster"})
NO_PAIRS = frozenset({"CoffeeMachine", "StoveBurner", "ToiletPaperHanger"})
"""Too small for two."""
LIGHT_OBJECTS = frozenset(
    "AlarmClock Book Bowl Box CD CellPhone CreditCard KeyChain Laptop Mug Newspaper Pen Pencil Pillow Plate Statue "
    "TissueBox Vase Watch".split()
)
"""What the real tasks look at under a lamp."""


@dataclass(frozen=True)
class Task:
    """One game's task; `receptacle_type` is the lamp's type when the goal is to look at something."""

    split: str
    kind: GoalKind
    object_type: str
    receptacle_type: str
    floor_plan: int
    trial: int
    edition: int = EDITION

    @property
    def name(self) -> str:
        """The task as alfworld names its folders."""
        return f"{TASK_TYPES[self.kind]}-{self.object_type}-None-{self.receptacle_type}-{self.floor_plan}"

    @property
    def id(self) -> str:
        """The id from which the game is built."""
        edition = f"v{self.edition}/" if self.edition > 1 else ""
        return f"{edition}{self.split}/{self.name}/{self.trial}"


def parse_task_id(task_id: str) -> Task:
    """Read an id; any task that the room and the type tables allow is good, listed or not.

    Raises:
        ValueError: in one sentence, when the id says nothing that can be built.
    """
    bare = task_id.removeprefix(f"v{EDITION}/")
    parts = bare.split("/")
    fields = parts[1].split("-") if len(parts) == 3 else []
    if len(fields) != 5 or not fields[4].isdecimal() or not parts[2].isdecimal():
        raise ValueError(
            f"{task_id!r} is no task id; one reads v2/SPLIT/TYPE-OBJECT-None-RECEPTACLE-FLOORPLAN/TRIAL, such as "
            "'v2/train/pick_cool_then_place_in_recep-Bowl-None-DiningTable-23/2'"
        )
    check_choice(parts[0], SPLIT_SIZES, "split")
    kind = TASK_KINDS[check_choice(fields[0], TASK_KINDS, "task type")]
    if fields[2] != "None":
        raise ValueError(f"{task_id!r} asks for a movable receptacle ({fields[2]!r}); only 'None' can be built")
    plan = int(fields[4])
    if plan not in floor_plans():
        raise ValueError(f"unknown floor plan {plan} in {task_id!r}; there are 1-30, 201-230, 301-330 and 401-430")
    pairs = suited_pairs(kind, plan)
    object_type = check_choice(fields[1], pairs, f"object for {fields[0]} on floor plan {plan}")
    receptacle = check_choice(fields[3], pairs[object_type], f"receptacle for a {object_type} on floor plan {plan}")
    return Task(parts[0], kind, object_type, receptacle, plan, int(parts[2]), 1 if bare == task_id else EDITION)


def write_sentence(kind: GoalKind, object_type: str, place_type: str, generator: random.Random) -> str:
    """Return one of ALFWorld's sentences for a goal.

    Args:
        kind: The kind of goal.
        object_type: What it is about.
        place_type: Where that belongs, or the type of the lamp.
        generator: Draws the sentence.
    """
    sentences = load_types().goals[kind]
    sentence = sentences[int(generator.random() * len(sentences))]
    return sentence.format(obj=object_type.lower(), recep=place_type.lower(), toggle=place_type.lower())


@cache
def suited_pairs(kind: GoalKind, plan: int) -> dict[str, tuple[str, ...]]:
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
    for name in sorted(_suited_objects(kind) & present):
        # With a single kind of home the thing would start at its destination, and the game would be won.
        homes = [place for place in fixed if name in types.contents[place]]
        goals = tuple(place for place in homes if is_destination(kind, place) and len(homes) > 1)
        if goals:
            pairs[name] = goals
    return pairs


def _suited_objects(kind: GoalKind) -> frozenset[str]:
    properties = {"clean": "cleanable", "heat": "heatable", "cool": "coolable"}
    return load_types().properties[properties[kind]] if kind in properties else load_types().pickupable


def is_destination(kind: GoalKind, receptacle: str) -> bool:
    """Return whether a type of receptacle is one that goals of a kind put things into."""
    if receptacle in NO_GOALS or receptacle == TOOLS.get(kind):
        return False
    return not (kind == "pick_two" and receptacle in NO_PAIRS) and not (
        kind == "pick" and receptacle == "CoffeeMachine"
    )


@cache
def task_ids(split: str) -> Sequence[str]:
    """Return the ids of a split in their fixed order.

    3,553 of train, 140 of valid_seen, 134 of valid_unseen.

    Raises:
        ValueError: for an unknown split.
    """
    check_choice(split, SPLIT_SIZES, "split")
    draw = {"train": _list_training, "valid_seen": _draw_seen, "valid_unseen": _draw_unseen}[split]
    generator = random.Random(20260000 + list(SPLIT_SIZES).index(split))
    tasks = draw(generator)
    for last in range(len(tasks) - 1, 0, -1):
        other = int(generator.random() * (last + 1))
        tasks[last], tasks[other] = tasks[other], tasks[last]
    return tuple(task.id for task in tasks)


def _list_training(generator: random.Random) -> list[Task]:
    """Return the real training split's tasks, each with as many games."""
    counts = load_counts().tasks
    return [_read_task("train", name, trial) for name, count in counts.items() for trial in range(count)]


def _draw_seen(generator: random.Random) -> list[Task]:
    """Draw different tasks of the training split, as often as they are there."""
    tasks = []
    for kind, size in SPLIT_SIZES["valid_seen"].items():
        counts = {name: count for name, count in load_counts().tasks.items() if TASK_KINDS[name.split("-")[0]] == kind}
        for _ in range(size):
            name = draw_weighted(generator, list(counts), list(counts.values()))
            del counts[name]
            tasks.append(_read_task("valid_seen", name, 0))
    return tasks


def _draw_unseen(generator: random.Random) -> list[Task]:
    """Draw tasks in the held-out floor plans, their pairs as often as in the training split's rooms of that sort."""
    tasks: list[Task] = []
    for kind, size in SPLIT_SIZES["valid_unseen"].items():
        weights = _weigh_unseen(kind)
        trials: Counter[str] = Counter()
        for _ in range(size):
            # A task that has come up is as likely as the others once all others of its weight have come up as well.
            names = list(weights)
            name = draw_weighted(generator, names, [weights[each] / (1 + trials[each]) ** 2 for each in names])
            tasks.append(_read_task("valid_unseen", name, trials[name]))
            trials[name] += 1
    return tasks


def _weigh_unseen(kind: GoalKind) -> dict[str, float]:
    """Return the tasks of a kind that the held-out floor plans allow, with the number of training games alike."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for name, count in load_counts().tasks.items():
        task = _read_task("train", name, 0)
        if task.kind == kind:
            counts[room_of(task.floor_plan), task.object_type, task.receptacle_type] += count
    weights = {}
    for plan in UNSEEN_PLANS:
        for object_type, receptacles in suited_pairs(kind, plan).items():
            for receptacle in receptacles:
                count = counts[room_of(plan), object_type, receptacle]
                if count:
                    weights[Task("valid_unseen", kind, object_type, receptacle, plan, 0).name] = float(count)
    return weights


def _read_task(split: str, name: str, trial: int) -> Task:
    task_type, object_type, _, receptacle, plan = name.split("-")
    return Task(split, TASK_KINDS[task_type], object_type, receptacle, int(plan), trial)
