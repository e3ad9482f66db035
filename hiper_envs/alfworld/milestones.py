"""The milestones on the way to an ALFWorld goal."""

import re

from hiper_envs.alfworld.games.goals import Goal
from hiper_envs.alfworld.reading import TREATMENTS, Deed, read_deed, type_of


class HouseholdMilestones:
    """The milestones of an ALFWorld goal, read off the text, so that both engines have the same.

    An object is treated by the goal's own treatment, until the opposite one undoes it; placed means treated and in a
    place of the right kind, second placed two of them in one and the same place.

    Args:
        goal: The game's goal.
    """

    def __init__(self, goal: Goal) -> None:
        self._object = goal.object_type.lower()
        self._place = (goal.receptacle_type or "").lower()
        self._lamp = (goal.lamp_type or "").lower()
        self._kind = goal.kind
        self._treated: set[str] = set()
        self._held: set[str] = set()
        self._reached: set[str] = set()
        ends = {"look_at": ("lamp on",), "pick_two": ("placed", "second held", "second placed")}
        middle = (TREATMENTS[goal.kind].past,) if goal.kind in TREATMENTS else ()
        self.names = ("seen", "held", *middle, *ends.get(goal.kind, ("placed",)))
        self._there: dict[str, str] = {}

    def watch(self, action: str, observation: str) -> list[str]:
        """Take a turn; return the milestones that it reached for the first time."""
        happened: list[str] = []
        if re.search(rf"\b{self._object} \d", observation):
            happened.append("seen")
        deed = read_deed(observation)
        if deed is not None:
            happened += self._read_deed(deed)
        new = [name for name in self.names if name in happened and name not in self._reached]
        self._reached.update(new)
        return new

    def _read_deed(self, deed: Deed) -> list[str]:
        if deed.verb == "use":
            return ["lamp on"] if type_of(deed.thing) == self._lamp else []
        if type_of(deed.thing) != self._object:
            return []
        if deed.verb in TREATMENTS:
            return self._read_treatment(deed)
        if deed.verb == "take":
            self._there.pop(deed.thing, None)
            self._held.add(deed.thing)
            return ["held", "second held"] if len(self._held) > 1 else ["held"]
        is_ready = self._kind not in TREATMENTS or deed.thing in self._treated
        if type_of(deed.place) != self._place or not is_ready:
            return []
        self._there[deed.thing] = deed.place
        return ["placed", "second placed"] if [*self._there.values()].count(deed.place) > 1 else ["placed"]

    def _read_treatment(self, deed: Deed) -> list[str]:
        if TREATMENTS[deed.verb].undoes == self._kind:
            self._treated.discard(deed.thing)
        if deed.verb != self._kind:
            return []
        self._treated.add(deed.thing)
        return [TREATMENTS[self._kind].past]
