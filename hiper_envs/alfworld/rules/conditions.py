"""What a goal asks for, as conditions on the state; a goal holds when all of its conditions hold."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from hiper_envs.alfworld.games.goals import Goal, GoalKind
from hiper_envs.alfworld.rules.situation import Situation

Treatment = Literal["clean", "hot", "cool"]

# Per kind: the treatment that the object needs, the predicate that says it can have it, how many objects are needed.
PLACEMENTS: Mapping[GoalKind, tuple[Treatment | None, str | None, int]] = {
    "pick": (None, None, 1),
    "clean": ("clean", "cleanable", 1),
    "heat": ("hot", "heatable", 1),
    "cool": ("cool", "coolable", 1),
    "pick_two": (None, None, 2),
}


@dataclass(frozen=True, slots=True)
class Placed:
    """Enough objects lie in one and the same receptacle.

    Attributes:
        objects: Bit mask of the objects that count.
        receptacles: Indices of the receptacles that count.
        treatment: What the objects must be at this moment, if anything.
        count: How many of them must lie together.
    """

    objects: int
    receptacles: tuple[int, ...]
    treatment: Treatment | None
    count: int

    def holds(self, situation: Situation) -> bool:
        """Return whether the condition holds now."""
        wanted = self.objects if self.treatment is None else self.objects & getattr(situation, self.treatment)
        if not wanted:
            return False
        contents = situation.contents
        for receptacle in self.receptacles:
            missing = self.count
            for entity in contents[receptacle]:
                if wanted >> entity & 1:
                    missing -= 1
                    if not missing:
                        return True
        return False


@dataclass(frozen=True, slots=True)
class Held:
    """An object that counts is in hand; `objects` is a bit mask."""

    objects: int

    def holds(self, situation: Situation) -> bool:
        """Return whether the condition holds now."""
        return any(self.objects >> entity & 1 for entity in situation.held)


@dataclass(frozen=True, slots=True)
class Lit:
    """A lamp that has been turned on lies where the agent stands.

    Attributes:
        lamps: Bit mask of the lamps that count.
        here: Per location, the receptacles there.
    """

    lamps: int
    here: tuple[tuple[int, ...], ...]

    def holds(self, situation: Situation) -> bool:
        """Return whether the condition holds now."""
        lit = self.lamps & situation.toggled
        if not lit:
            return False
        return any(
            lit >> entity & 1
            for receptacle in self.here[situation.location]
            for entity in situation.contents[receptacle]
        )


Condition = Placed | Held | Lit


def ends_in_hand(goal: Iterable[Condition]) -> bool:
    """Return whether a goal needs a thing in hand at the end."""
    return any(isinstance(condition, Held) for condition in goal)


def mask_things(goal: Iterable[Condition]) -> int:
    """Return the bit mask of the things that a goal is about, the lamp left out."""
    mask = 0
    for condition in goal:
        if not isinstance(condition, Lit):
            mask |= condition.objects
    return mask


def compile_goal(
    goal: Goal,
    objects_by_type: Mapping[str, int],
    receptacles_by_type: Mapping[str, tuple[int, ...]],
    able: Mapping[str, int],
    here: tuple[tuple[int, ...], ...],
) -> tuple[Condition, ...]:
    """Return the goal's conditions.

    Args:
        goal: The goal.
        objects_by_type: Type in lowercase without 'type' -> bit mask of its objects.
        receptacles_by_type: The same for receptacles, as indices.
        able: "cleanable", "heatable", "coolable", "toggleable" -> bit mask of the objects that are.
        here: Per location, the receptacles there.
    """
    objects = objects_by_type.get(goal.object_type.lower(), 0)
    if goal.kind == "look_at":
        lamps = objects_by_type.get((goal.lamp_type or "").lower(), 0)
        return Held(objects), Lit(lamps & able["toggleable"], here)
    treatment, ability, count = PLACEMENTS[goal.kind]
    if ability is not None:
        objects &= able[ability]
    receptacles = receptacles_by_type.get((goal.receptacle_type or "").lower(), ())
    return (Placed(objects, receptacles, treatment, count),)
