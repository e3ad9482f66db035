"""Which of several ALFWorld goals the expert goes for, and what each still wants.

Of goals that are to hold all at once nothing tells which do: that follows from what has been read. No two of them are
about the same type of thing, so that what one goal takes is never what another one has put somewhere.
"""

from collections.abc import Sequence

from hiper_agents.agents.scripted.alfworld_room import Room
from hiper_envs.alfworld.reading import TREATMENTS, GoalList, Request, read_due, read_request, type_of


class GoalChooser:
    """Chooses a goal each turn.

    Args:
        goals: The goals of an episode.
    """

    def __init__(self, goals: GoalList) -> None:
        self._requests = {sentence: read_request(sentence) for sentence in goals.sentences}
        self._is_sequence = goals.is_sequence
        self._due = goals.sentences[0]

    def choose(self, room: Room, observation: str) -> Request:
        """Return what is to be done next.

        Args:
            room: What has been read, this turn included.
            observation: This turn's, which says in a sequence which goal is due.
        """
        if self._is_sequence:
            due = read_due(observation)
            self._due = due if due in self._requests else self._due
            return self._requests[self._due]
        return _choose_waiting(room, list(self._requests.values()))


def _choose_waiting(room: Room, requests: Sequence[Request]) -> Request:
    """Return a goal that does not hold: of the thing in hand, else of the nearest thing seen, else the first.

    A look under the lamp comes last, for it ends with its thing in hand.
    """
    waiting = [request for request in requests if not _holds(room, request)] or requests
    waiting = [request for request in waiting if request.kind != "look_at"] or waiting
    in_hand = [request for request in waiting if room.held is not None and type_of(room.held) == request.thing]
    return min(in_hand or waiting, key=lambda request: _distance(room, request))


def _holds(room: Room, request: Request) -> bool:
    """Return whether a goal holds by all that has been read; a look under the lamp never does, or all would be over."""
    number = 2 if request.kind == "pick_two" else 1
    return request.kind != "look_at" and any(
        type_of(place) == request.place
        and sum(type_of(thing) == request.thing and _is_ready(room, request, thing) for thing in things) >= number
        for place, things in room.contents.items()
    )


def _is_ready(room: Room, request: Request, thing: str) -> bool:
    return request.kind not in TREATMENTS or request.kind in room.states.get(thing, ())


def _distance(room: Room, request: Request) -> int:
    """Return 0 where a thing that a goal wants is at hand, 1 where one has been seen elsewhere, 2 where none has."""
    home = find_home(room, request)
    places = [
        place
        for place, things in room.contents.items()
        if place != home and any(type_of(thing) == request.thing for thing in things)
    ]
    return 0 if set(places).intersection(room.here) else 1 if places else 2


def find_home(room: Room, request: Request) -> str | None:
    """Return the receptacle in which one of two things lies already."""
    if request.kind != "pick_two":
        return None
    for place, things in room.contents.items():
        if type_of(place) == request.place and any(type_of(thing) == request.thing for thing in things):
            return place
    return next((place for thing, place in room.placed.items() if type_of(thing) == request.thing), None)
