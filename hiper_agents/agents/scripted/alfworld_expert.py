"""An expert for ALFWorld that knows only what it reads: it explores, remembers, and then does what the task asks.

What it brings along is what training games show: which things lie in which furniture, and which furniture is closed. It
never knows where things are before it has been there. A goal in people's own words may mean several things and places;
it tries them in turn, for an episode that goes on has not been won. Of several goals it goes for one at a time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from hiper_agents.agents.scripted.alfworld_goals import GoalChooser, find_home
from hiper_agents.agents.scripted.alfworld_promises import is_closed_at_first, promise_of
from hiper_agents.agents.scripted.alfworld_room import Room
from hiper_envs.alfworld.reading import TREATMENTS, Request, read_goals, read_request, type_of
from hiper_envs.reply import write_reply

AT_DESTINATION = 0.05
"""Factor for furniture to which a task wants things moved: none of them is there when it begins."""

Choice = tuple[str, str]
"""Subgoal and action."""


class ALFWorldExpert:
    """Plays ALFWorld from observation, instruction and admissible actions alone."""

    def __init__(self) -> None:
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Forget the last game; nothing is drawn at random, so every seed plays alike."""
        self._room: Room | None = None
        self._goals: GoalChooser | None = None
        self._subgoal = ""
        self._tried: set[tuple[str, str]] = set()

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        """Return the reply for this turn: a subgoal and one admissible action.

        Raises:
            TypeError: `info` holds no list of admissible actions.
        """
        actions = info["admissible_actions"]
        if not isinstance(actions, Iterable):
            raise TypeError(f"info['admissible_actions'] is a list of actions, got {actions!r}")
        instruction = str(info["instruction"])
        if self._room is None:
            self._room, goals = Room(observation, actions), read_goals(instruction)
            self._goals = GoalChooser(goals) if len(goals.sentences) > 1 else None
        room = self._room
        room.read(observation, actions)
        if self._goals is None:
            request = self._choose_meaning(room, read_request(instruction))
        else:
            request = self._goals.choose(room, observation)
            room.keep_treated(request.kind)
        subgoal, action = _choose(room, request)
        if action not in room.actions:
            action = "look" if "look" in room.actions else next(iter(room.actions), "look")
        switches, self._subgoal = subgoal != self._subgoal, subgoal
        return write_reply(action, subgoal, switches)

    def _choose_meaning(self, room: Room, request: Request) -> Request:
        """Return the request with the first thing and place that have not been tried in vain."""
        kinds = {type_of(name) for name in room.receptacles}
        places = [kind for kind in request.places if kind in kinds] or list(request.places) or sorted(kinds)
        if request.kind == "look_at":
            places = list(request.places)
        things = list(request.things) or sorted({type_of(thing) for each in room.contents.values() for thing in each})
        self._tried.update(_list_tried(room, request))
        pairs = [(thing, place) for thing in things or [""] for place in places or [""]]
        thing, place = next((pair for pair in pairs if pair not in self._tried), pairs[0])
        return replace(request, things=(thing,), places=(place,))


def _list_tried(room: Room, request: Request) -> Iterable[tuple[str, str]]:
    """Yield type and furniture of what has been brought somewhere without ending the episode."""
    counts: dict[str, int] = {}
    for thing, place in room.placed.items():
        is_ready = request.kind not in TREATMENTS or thing in room.treated
        counts[place] = counts.get(place, 0) + 1
        if is_ready and (request.kind != "pick_two" or counts[place] > 1):
            yield type_of(thing), type_of(place)


def _choose(room: Room, request: Request) -> Choice:
    if room.held is None:
        return _find(room, request)
    if type_of(room.held) != request.thing:
        return f"find a {request.thing}", _put_aside(room, room.held)
    if request.kind == "look_at":
        return f"look at the {request.thing} under the {request.place}", _light(room, request)
    if request.kind in TREATMENTS and room.held not in room.treated:
        return f"{request.kind} the {request.thing}", _treat(room, request.kind)
    return f"put the {request.thing} in the {request.place}", _put(room, request, room.held)


def _find(room: Room, request: Request) -> Choice:
    home = find_home(room, request)
    subgoal = f"find another {request.thing}" if home is not None else f"find a {request.thing}"
    seen = [
        (place, thing)
        for place, things in room.contents.items()
        for thing in things
        if type_of(thing) == request.thing and place != home and not _is_done(room, request, thing, place)
    ]
    if seen:
        place, thing = min(seen, key=lambda each: _turns(room, each[0]))
        return subgoal, _visit(room, place, f"take {thing} from {place}")
    unseen = [name for name in room.receptacles if name not in room.contents]
    return subgoal, _explore(room, unseen, {name: _promise(name, request) for name in unseen})


def _is_done(room: Room, request: Request, thing: str, place: str) -> bool:
    is_ready = request.kind in TREATMENTS and thing in room.treated
    return (is_ready or request.kind == "pick") and type_of(place) == request.place


def _explore(room: Room, unseen: Sequence[str], promises: Mapping[str, float]) -> str:
    """Go where a turn promises most; what stands right here costs no way."""
    if not unseen:
        return "look"
    best = max(unseen, key=lambda name: promises[name] / _turns(room, name))
    return _visit(room, best, f"open {best}")


def _turns(room: Room, place: str) -> int:
    has_door = is_closed_at_first(type_of(place)) and place not in room.open
    return max(1, int(place not in room.here) + int(has_door))


def _visit(room: Room, place: str, deed: str) -> str:
    """Return the next action on the way to doing something at a place: go there, open it, do it."""
    for action in (deed, f"open {place}", f"go to {place}"):
        if action in room.actions:
            return action
    return "look"


def _promise(place: str, request: Request) -> float:
    kind = type_of(place)
    promise = promise_of(kind, request.thing)
    is_moved_only = request.kind in ("pick", "pick_two")
    return promise * AT_DESTINATION if is_moved_only and kind == request.place else promise


def _treat(room: Room, verb: str) -> str:
    for action in room.actions:
        if action.startswith(f"{verb} {room.held} with "):
            return action
    return _visit(room, next((name for name in room.receptacles if type_of(name) == TREATMENTS[verb].tool), ""), "")


def _put(room: Room, request: Request, held: str) -> str:
    places = [name for name in room.receptacles if type_of(name) == request.place]
    home = find_home(room, request)
    if not places:
        return _put_aside(room, held)
    place = home or min(places, key=lambda name: _turns(room, name))
    return _visit(room, place, _write_put(room, held, place))


def _put_aside(room: Room, held: str) -> str:
    """Put a thing that is not wanted down: here if possible, else wherever such things lie most."""
    for action in room.actions:
        if action.startswith((f"move {held} to ", f"put {held} in/on ")):
            return action
    places = [name for name in room.receptacles if name not in room.here]
    if not places:
        return "look"
    place = max(places, key=lambda name: promise_of(type_of(name), type_of(held)) * (name not in room.visited))
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
    return _visit(room, max(unseen, key=lambda name: promise_of(type_of(name), request.place)), "")
