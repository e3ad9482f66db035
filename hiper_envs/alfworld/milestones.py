"""The milestones on the way to an ALFWorld goal."""

import re

from hiper_envs.alfworld.games.goals import Goal

_TREATMENTS = {"clean": "cleaned", "heat": "heated", "cool": "cooled"}
_NAME = r"([a-z]+ \d+)"
_EVENTS = {
    "held": re.compile(rf"You pick up the {_NAME} from"),
    "treated": re.compile(rf"You (clean|heat|cool) the {_NAME} using"),
    "placed": re.compile(rf"You (?:move|put) the {_NAME} (?:to|in/on) the {_NAME}\."),
    "lamp on": re.compile(rf"You turn on the {_NAME}"),
}


class HouseholdMilestones:
    """The milestones of an ALFWorld goal, read off the text, so that both engines have the same.

    An object is treated by the goal's own treatment, until the opposite one undoes it; placed means treated and in a
    place of the right kind, second placed two of them in one and the same place.

    Args:
        goal: The game's goal.
    """

    def __init__(self, goal: Goal) -> None:
        self._object = goal.object_type.lower()
        self._place_kind = (goal.receptacle_type or "").lower()
        self._lamp = (goal.lamp_type or "").lower()
        self._treatment = _TREATMENTS.get(goal.kind)
        self._treated: set[str] = set()
        self._held: set[str] = set()
        self._reached: set[str] = set()
        ends = {"look_at": ("lamp on",), "pick_two": ("placed", "second held", "second placed")}
        middle = (self._treatment,) if self._treatment else ()
        self.names = ("seen", "held", *middle, *ends.get(goal.kind, ("placed",)))
        self._there: dict[str, str] = {}

    def watch(self, action: str, observation: str) -> list[str]:
        """Take a turn; return the milestones that it reached for the first time."""
        happened: list[str] = []
        if re.search(rf"\b{self._object} \d", observation):
            happened.append("seen")
        for event, pattern in _EVENTS.items():
            match = pattern.search(observation)
            if match:
                happened += self._read_event(event, *match.groups())
        new = [name for name in self.names if name in happened and name not in self._reached]
        self._reached.update(new)
        return new

    def _read_event(self, event: str, *names: str) -> list[str]:
        if event == "lamp on":
            return ["lamp on"] if _kind(names[0]) == self._lamp else []
        if event == "treated":
            return self._treat(*names)
        thing = names[0]
        if _kind(thing) != self._object:
            return []
        if event == "held":
            self._there.pop(thing, None)
            self._held.add(thing)
            return ["held", "second held"] if len(self._held) > 1 else ["held"]
        return self._place(thing, names[1])

    def _treat(self, verb: str, thing: str) -> list[str]:
        treatment = _TREATMENTS[verb]
        if _kind(thing) != self._object:
            return []
        if treatment == self._treatment:
            self._treated.add(thing)
            return [treatment]
        if {treatment, self._treatment} == {"heated", "cooled"}:
            self._treated.discard(thing)
        return []

    def _place(self, thing: str, place: str) -> list[str]:
        if _kind(place) != self._place_kind or (self._treatment and thing not in self._treated):
            return []
        self._there[thing] = place
        return ["placed", "second placed"] if list(self._there.values()).count(place) > 1 else ["placed"]


def _kind(name: str) -> str:
    """Return "mug" for "mug 2"."""
    return name.rsplit(" ", 1)[0]
