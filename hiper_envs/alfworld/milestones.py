"""The milestones on the way to an ALFWorld goal."""

import re

from hiper_envs.alfworld.games.goals import Goal

_TREATMENTS = {"clean": "cleaned", "heat": "heated", "cool": "cooled"}
_NAME = r"([a-z]+ \d+)"
_EVENTS = {
    "held": re.compile(rf"You pick up the {_NAME} from"),
    "treated": re.compile(rf"You (?:clean|heat|cool) the {_NAME} using"),
    "placed": re.compile(rf"You (?:move|put) the {_NAME} (?:to|in/on) the {_NAME}\."),
    "lamp on": re.compile(rf"You turn on the {_NAME}"),
}


class HouseholdMilestones:
    """The milestones of an ALFWorld goal, read off the text, so that both engines have the same.

    Args:
        goal: The game's goal.
    """

    def __init__(self, goal: Goal) -> None:
        self._object = goal.object_type.lower()
        self._place = (goal.receptacle_type or "").lower()
        self._lamp = (goal.lamp_type or "").lower()
        self._treatment = _TREATMENTS.get(goal.kind)
        self._treated: set[str] = set()
        self._held: set[str] = set()
        self._reached: set[str] = set()
        ends = {"look_at": ("lamp on",), "pick_two": ("placed", "second held", "second placed")}
        middle = (self._treatment,) if self._treatment else ()
        self.names = ("seen", "held", *middle, *ends.get(goal.kind, ("placed",)))
        self._there: set[str] = set()

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

    def _read_event(self, event: str, thing: str, place: str = "") -> list[str]:
        kind = thing.rsplit(" ", 1)[0]
        if event == "lamp on":
            return ["lamp on"] if kind == self._lamp else []
        if kind != self._object:
            return []
        if event == "treated":
            self._treated.add(thing)
            return [self._treatment] if self._treatment else []
        if event == "held":
            self._there.discard(thing)
            self._held.add(thing)
            return ["held", "second held"] if len(self._held) > 1 else ["held"]
        if place.rsplit(" ", 1)[0] != self._place or (self._treatment and thing not in self._treated):
            return []
        self._there.add(thing)
        return ["placed", "second placed"] if len(self._there) > 1 else ["placed"]
