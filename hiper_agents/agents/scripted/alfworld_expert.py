"""An expert for ALFWorld that knows only what it reads: it explores, remembers, and then does what the task asks.

What it brings along is common sense: which things are kept in which furniture (the rooms' type tables), and that open
surfaces are quicker to look at than closed drawers. It never knows where things are before it has been there.
"""

from collections.abc import Iterable, Mapping
from functools import cache

from hiper_agents.agents.scripted.alfworld_reading import Request, Room, read_request, type_of
from hiper_envs.alfworld.generated.tables import load_types
from hiper_envs.reply import write_reply

APPLIANCES = {"clean": "sinkbasin", "heat": "microwave", "cool": "fridge"}
PROMISES = {
    "countertop": 3.0,
    "diningtable": 3.0,
    "desk": 3.0,
    "dresser": 3.0,
    "coffeetable": 3.0,
    "bed": 3.0,
    "towelholder": 3.0,
    "sidetable": 2.0,
    "fridge": 2.0,
    "sofa": 2.0,
    "cart": 2.0,
    "sinkbasin": 1.5,
}
"""How promising a look at a kind of furniture is; 1 for small pieces such as a shelf or a drawer."""
UNLIKELY = 0.05
"""Factor for furniture in which such a thing is not kept, or to which the task itself wants it brought."""
LAMP_PLACES = ("desk", "sidetable", "dresser", "shelf", "diningtable", "coffeetable", "tvstand")

Choice = tuple[str, str]
"""Subgoal and action."""


class ALFWorldExpert:
    """Plays ALFWorld from observation, instruction and admissible actions alone."""

    def __init__(self) -> None:
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Forget the last game; nothing is drawn at random, so every seed plays alike."""
        self._room: Room | None = None
        self._subgoal = self._action = ""

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        """Return the reply for this turn: a subgoal and one admissible action."""
        actions = info["admissible_actions"]
        if not isinstance(actions, Iterable):
            raise TypeError(f"info['admissible_actions'] is a list of actions, got {actions!r}")
        room = self._room = self._room or Room(observation, actions)
        room.read(observation, actions, self._action)
        subgoal, self._action = _choose(room, read_request(str(info["instruction"])))
        switches, self._subgoal = subgoal != self._subgoal, subgoal
        return write_reply(self._action, subgoal, switches)


def _choose(room: Room, request: Request) -> Choice:
    if room.held is None:
        return _find(room, request)
    if type_of(room.held) != request.thing:
        return f"find a {request.thing}", _put_aside(room, room.held)
    if request.kind == "look_at":
        return f"look at the {request.thing} under the {request.place}", _light(room, request)
    if request.kind in APPLIANCES and room.held not in room.treated:
        return f"{request.kind} the {request.thing}", _treat(room, request.kind)
    return f"put the {request.thing} in the {request.place}", _put(room, request, room.held)


def _find(room: Room, request: Request) -> Choice:
    home = _home(room, request)
    subgoal = f"find another {request.thing}" if home is not None else f"find a {request.thing}"
    for place, things in room.contents.items():
        for thing in things:
            if type_of(thing) == request.thing and place != home and not _is_done(room, request, thing, place):
                return subgoal, _visit(room, place, f"take {thing} from {place}")
    unseen = [name for name in room.receptacles if name not in room.contents]
    return subgoal, _explore(room, unseen, {name: _promise(name, request) for name in unseen})


def _home(room: Room, request: Request) -> str | None:
    """Return the receptacle in which one of two things lies already."""
    if request.kind != "pick_two":
        return None
    for place, things in room.contents.items():
        if type_of(place) == request.place and any(type_of(thing) == request.thing for thing in things):
            return place
    return next((place for thing, place in room.placed.items() if type_of(thing) == request.thing), None)


def _is_done(room: Room, request: Request, thing: str, place: str) -> bool:
    return thing in room.treated and type_of(place) == request.place


def _explore(room: Room, unseen: list[str], promises: Mapping[str, float]) -> str:
    """Go where a turn promises most; what stands right here costs no way."""
    if not unseen:
        return "look"
    best = max(unseen, key=lambda name: promises[name] / _turns(room, name))
    return _visit(room, best, f"open {best}")


def _turns(room: Room, place: str) -> int:
    has_door = type_of(place) in _openable() and place not in room.open
    return max(1, int(place not in room.here) + int(has_door))


def _visit(room: Room, place: str, deed: str) -> str:
    """Return the next action on the way to doing something at a place: go there, open it, do it."""
    for action in (deed, f"open {place}", f"go to {place}"):
        if action in room.actions:
            return action
    return "look"


def _promise(place: str, request: Request) -> float:
    kind = type_of(place)
    promise = PROMISES.get(kind, 1.0)
    if kind not in _holders(request.thing):
        promise *= UNLIKELY
    return promise * UNLIKELY if kind == request.place else promise


def _treat(room: Room, verb: str) -> str:
    for action in room.actions:
        if action.startswith(f"{verb} {room.held} with "):
            return action
    return _visit(room, _first(room, APPLIANCES[verb]), "")


def _put(room: Room, request: Request, held: str) -> str:
    places = [name for name in room.receptacles if type_of(name) == request.place]
    home = _home(room, request)
    if not places:
        return _put_aside(room, held)
    place = home or min(places, key=lambda name: _turns(room, name))
    return _visit(room, place, _write_put(room, held, place))


def _put_aside(room: Room, held: str) -> str:
    """Put a thing that is not wanted down: here if possible, else wherever such things are kept."""
    for action in room.actions:
        if action.startswith((f"move {held} to ", f"put {held} in/on ")):
            return action
    places = [name for name in room.receptacles if type_of(name) in _holders(type_of(held)) and name not in room.here]
    place = min(places or room.receptacles, key=lambda name: (name in room.visited, _turns(room, name)))
    return _visit(room, place, _write_put(room, held, place))


def _write_put(room: Room, held: str, place: str) -> str:
    old = f"put {held} in/on {place}"
    return old if old in room.actions else f"move {held} to {place}"


def _light(room: Room, request: Request) -> str:
    for lamp, place in room.lamps.items():
        if type_of(lamp) == request.place:
            return _visit(room, place, f"use {lamp}")
    unseen = [name for name in room.receptacles if name not in room.visited]
    if not unseen:
        return "look"
    best = max(unseen, key=lambda name: PROMISES.get(type_of(name), 1.0) * (type_of(name) in LAMP_PLACES))
    return _visit(room, best, "")


def _first(room: Room, kind: str) -> str:
    return next((name for name in room.receptacles if type_of(name) == kind), "")


@cache
def _openable() -> frozenset[str]:
    return frozenset(kind.lower() for kind in load_types().openable)


@cache
def _holders(thing: str) -> frozenset[str]:
    """Return the kinds of furniture in which such a thing is kept."""
    contents = load_types().contents.items()
    return frozenset(place.lower() for place, things in contents if thing in (name.lower() for name in things))
