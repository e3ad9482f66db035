"""What is remembered of an ALFWorld game: what was seen where, what is held and in which state, what is done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hiper_agents.policies.compact.memory import Memory
from hiper_agents.policies.compact.words import split_words
from hiper_envs.alfworld.reading import (
    TREATMENTS,
    Deed,
    Observation,
    Request,
    read_command,
    read_goals,
    read_observation,
    read_request,
    type_of,
)
from hiper_envs.registration import ALFWORLD_MAX_TURNS

KINDS = ("pick", "clean", "heat", "cool", "pick_two", "look_at")
VERBS = ("go", "open", "close", "take", "put", "clean", "heat", "cool", "use", "slice", "examine", "look")
LOOKS = ("inventory", "help")
"""Commands that, like look, change nothing."""
SUBGOALS = (
    "find a {object}",
    "find another {object}",
    "clean the {object}",
    "heat the {object}",
    "cool the {object}",
    "put the {object} in the {receptacle}",
    "look at the {object} under the desklamp",
)
_NO_PLACE = [0.0] * 16


@dataclass(frozen=True)
class Wish:
    """What a goal or a subgoal asks for: types of things, and what to do to them."""

    object_type: str
    receptacle_type: str
    kind: str


def choose_wish(request: Request, present: frozenset[str]) -> Wish:
    """Return what a task asks for, of several kinds of furniture that it may mean one that is present.

    Args:
        request: The task as it was read.
        present: The types of furniture in the room, as far as known.
    """
    place = next((kind for kind in request.places if kind in present), request.place)
    return Wish(request.thing, "" if request.kind == "look_at" else place, request.kind)


@dataclass
class Place:
    """What is known of a receptacle."""

    order: int
    visits: int = 0
    is_closed: bool = False
    is_read: bool = False
    contents: set[str] = field(default_factory=set)


class ALFWorldMemory(Memory):
    """Subgoals are the ways of handling the goal's object; features say how actions relate to them."""

    def list_subgoals(self) -> list[str]:
        """Return each subgoal of the vocabulary for the goal's object and receptacle."""
        start = read_observation(self.observation)
        away = (action.removeprefix("go to ") for action in self.admissible if action.startswith("go to "))
        present = frozenset(map(type_of, (*start.listed, *start.facing, *away)))
        self.goal = choose_wish(read_request(self.instruction), present)
        self.max_turns = ALFWORLD_MAX_TURNS * len(read_goals(self.instruction).sentences)
        self.places: dict[str, Place] = {}
        self.location = ""
        self.here: set[str] = set()
        self.held = ""
        self.states: dict[str, set[str]] = {}
        self.placed: dict[str, str] = {}
        self.is_lamp_on = False
        self.has_failed = False
        texts = [text for text in SUBGOALS if self.goal.receptacle_type or "{receptacle}" not in text]
        return [text.format(object=self.goal.object_type, receptacle=self.goal.receptacle_type) for text in texts]

    def read(self, observation: str) -> None:
        """Update places, hand, states and progress."""
        seen = read_observation(observation)
        self.has_failed = seen.is_refused
        if not self.places:
            self._read_start(seen)
        if seen.arrival:
            self.location = seen.arrival
            self._place(seen.arrival).visits += 1
        for name in seen.closed:
            self._place(name).is_closed = True
        for name, things in seen.contents.items():
            known = self._place(name)
            known.contents, known.is_closed, known.is_read = set(things), False, True
        if seen.deed is not None:
            self._read_deed(seen.deed)
        self._read_admissible()

    def _read_start(self, seen: Observation) -> None:
        for name in seen.listed:
            self._place(name)
        for name in seen.facing:
            self.location = name
            self._place(name).visits = 1

    def _read_admissible(self) -> None:
        """Keep what the commands give away: places elsewhere, so places here, and what can be taken here."""
        commands = list(map(read_command, self.admissible))
        away = [command.place for command in commands if command.verb == "go"]
        for name in away:
            self._place(name)
        for command in commands:
            if command.verb == "take" and command.place:
                self._place(command.place).contents.add(command.thing)
                self._place(command.place).is_read = True
        self.here = set(self.places) - set(away) if self.location else set()

    def _read_deed(self, deed: Deed) -> None:
        if deed.verb == "take":
            self.held = deed.thing
            self._place(deed.place).contents.discard(deed.thing)
            self.placed.pop(deed.thing, None)
        elif deed.verb == "put":
            self.held = ""
            self._place(deed.place).contents.add(deed.thing)
            is_wanted = type_of(deed.thing) == self.goal.object_type and self._has_treatment(deed.thing)
            if is_wanted and type_of(deed.place) == self.goal.receptacle_type:
                self.placed[deed.thing] = deed.place
        elif deed.verb == "use":
            self.is_lamp_on = True
        else:
            states = self.states.setdefault(deed.thing, set())
            states.add(deed.verb)
            states.discard(TREATMENTS[deed.verb].undoes)

    def _place(self, name: str) -> Place:
        return self.places.setdefault(name, Place(len(self.places)))

    def _wish(self, subgoal: str) -> Wish:
        """Read a subgoal of the vocabulary; any other text (a flat agent's) is the goal itself."""
        if not self.has_subgoals or self.find_subgoal(subgoal) is None:
            return self.goal
        words = subgoal.split(" ")
        goal = self.goal
        if words[0] == "find":
            return Wish(goal.object_type, "", "find")
        if words[0] in TREATMENTS:
            return Wish(goal.object_type, TREATMENTS[words[0]].tool, words[0])
        if words[0] == "look":
            return Wish(goal.object_type, "", "look_at")
        return Wish(goal.object_type, goal.receptacle_type, "put")

    def _wanted_in(self, place: Place) -> list[str]:
        """Return the goal's objects believed there that are not yet where they belong."""
        return [name for name in place.contents if type_of(name) == self.goal.object_type and name not in self.placed]

    def _has_treatment(self, name: str) -> bool:
        return self.goal.kind not in TREATMENTS or self.goal.kind in self.states.get(name, ())

    def describe_state(self) -> list[float]:
        """Return what is held, seen, done, and how much is left to look at."""
        holds_wanted = bool(self.held) and type_of(self.held) == self.goal.object_type
        seen = [name for name, place in self.places.items() if self._wanted_in(place)]
        here = self.places.get(self.location)
        lamp_places = [name for name, place in self.places.items() if any("desklamp" in c for c in place.contents)]
        unread = sum(not place.is_read for place in self.places.values())
        return [
            float(bool(self.held)),
            float(holds_wanted),
            float(bool(self.held) and self._has_treatment(self.held)),
            float(bool(seen)),
            float(any(name in self.here for name in seen)),
            float(any(type_of(name) == self.goal.receptacle_type for name in self.here)),
            float(here is not None and here.is_closed),
            min(len(self.placed), 2) / 2,
            float(bool(lamp_places)),
            float(any(name in self.here for name in lamp_places)),
            float(self.is_lamp_on),
            float(self.has_failed),
            self.turn / self.max_turns,
            unread / max(1, len(self.places)),
            min(self.age, 20) / 20,
            float(any(self._is_tool(name) for name in self.here)),
            *(float(self.goal.kind == kind) for kind in KINDS),
        ]

    def _is_tool(self, place: str) -> bool:
        return self.goal.kind in TREATMENTS and type_of(place) == TREATMENTS[self.goal.kind].tool

    def state_words(self) -> tuple[str, ...]:
        """Return the goal's nouns."""
        return (self.goal.object_type, self.goal.receptacle_type)

    def describe_subgoal(self, position: int) -> list[float]:
        """Return which subgoal of the vocabulary it is, and whether it belongs to the goal."""
        text = self.candidates[position]
        which = [float(text.startswith(pattern.split("{")[0])) for pattern in SUBGOALS]
        wish = self._wish(text)
        holds_wanted = bool(self.held) and type_of(self.held) == self.goal.object_type
        is_over = holds_wanted if wish.kind == "find" else False
        if wish.kind in TREATMENTS:
            is_over = holds_wanted and wish.kind in self.states.get(self.held, ())
        return [*self.common_subgoal_features(position), *which, float(wish.kind == self.goal.kind), float(is_over)]

    def subgoal_words(self, subgoal: str) -> tuple[str, ...]:
        """Return its verb and nouns; of a flat agent's instruction, kind and nouns."""
        wish = self._wish(subgoal)
        return (wish.kind, wish.object_type, wish.receptacle_type)

    def describe_actions(self, subgoal: str) -> list[list[float]]:
        """Return for each command its verb, and how its object and its place relate to the subgoal and the memory."""
        wish = self._wish(subgoal)
        unread = [name for name, place in self.places.items() if not place.is_read]
        places = {name: self._describe_place(name, wish, unread) for name in self.places}
        return [self._describe_action(action, wish, places) for action in self.actions]

    def _describe_action(self, action: str, wish: Wish, places: Mapping[str, list[float]]) -> list[float]:
        verb, thing, place = read_command(action)
        if verb == "examine" and thing in self.places:
            thing, place = "", thing
        return [
            *(float(verb == known or (known == "look" and verb in LOOKS)) for known in VERBS),
            *self._describe_thing(thing, wish),
            *places.get(place, _NO_PLACE),
            float(verb == wish.kind),
            float(action == self.last_action),
            min(self.taken[action], 3) / 3,
            float(verb in LOOKS),
            float(verb == "use" and self.is_lamp_on),
            float(verb == "examine" and bool(place)),
        ]

    def _describe_thing(self, thing: str, wish: Wish) -> list[float]:
        return [
            float(bool(thing) and type_of(thing) == wish.object_type),
            float(thing in self.placed),
            float(bool(thing) and thing == self.held),
            float("desklamp" in thing),
            float(bool(thing) and self._has_treatment(thing)),
        ]

    def _describe_place(self, name: str, wish: Wish, unread: Sequence[str]) -> list[float]:
        place = self.places[name]
        kind = type_of(name)
        return [
            1.0,
            float(kind == wish.receptacle_type),
            float(kind == self.goal.receptacle_type),
            float(place.is_read),
            float(place.is_closed),
            min(place.visits, 3) / 3,
            float(bool(self._wanted_in(place))),
            float(name in self.here),
            float(name in self.placed.values()),
            float(any("desklamp" in content for content in place.contents)),
            float(bool(unread) and name == unread[0]),
            float(bool(unread) and name == unread[-1]),
            float(any(type_of(other) == kind for other in unread)),
            place.order / max(1, len(self.places)),
            float(place.is_read and not place.contents),
            float(self._is_tool(name)),
        ]

    def action_words(self, action: str) -> tuple[str, ...]:
        """Return verb and types, without numbers."""
        return tuple(word for word in split_words(action) if word.isalpha())
