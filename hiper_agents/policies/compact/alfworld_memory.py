"""Notes on ALFWorld: what was seen where, what is held and in which state, what is done."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hiper_agents.policies.compact.memory import Memory
from hiper_agents.policies.compact.words import split_words
from hiper_envs.registration import ALFWORLD_MAX_TURNS

KINDS = ("pick", "clean", "heat", "cool", "pick_two", "look_at")
TREATMENTS = {"clean": "clean", "heat": "hot", "cool": "cool"}
TOOLS = {"clean": "sinkbasin", "heat": "microwave", "cool": "fridge"}
VERBS = ("go", "open", "close", "take", "move", "clean", "heat", "cool", "use", "slice", "examine", "look")
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
_FILLERS = frozenset(
    "put a an some two clean cleaned hot heated cool cooled cold heat find and it them in on into the look at under"
    " with examine place to of your task is go".split()
)
_ENTITY = re.compile(r"\ba ([a-z]+ \d+)")
_INTRO = re.compile(r"Looking quickly around you, you see (.*?)\.", re.DOTALL)
_FACING = re.compile(r"You are facing the (.*?)\. Next to it", re.DOTALL)
_NAME = re.compile(r"[a-z]+ \d+")
_TAKE = re.compile(r"take ([a-z]+ \d+) from ([a-z]+ \d+)")
_ARRIVAL = re.compile(r"You arrive at ([a-z]+ \d+)\.")
_CLOSED = re.compile(r"The ([a-z]+ \d+) is closed\.")
_CONTENTS = re.compile(r"(?:On the ([a-z]+ \d+), you see|The ([a-z]+ \d+) is open\. In it, you see) (.*?)\.", re.DOTALL)
_TAKEN = re.compile(r"You pick up the ([a-z]+ \d+) from the ([a-z]+ \d+)\.")
_PLACED = re.compile(r"You (?:move|put) the ([a-z]+ \d+) (?:to|in/on) the ([a-z]+ \d+)\.")
_TREATED = re.compile(r"You (clean|heat|cool) the ([a-z]+ \d+) using the ([a-z]+ \d+)\.")
_COMMAND = re.compile(
    r"(?P<verb>go to|take|move|put|open|close|clean|heat|cool|use|slice|examine|look|inventory|help)"
    r"(?: (?P<first>[a-z]+ \d+))?(?: (?:from|to|in/on|with) (?P<second>[a-z]+ \d+))?$"
)


@dataclass(frozen=True)
class Wish:
    """What a goal or a subgoal asks for: types of things, and what to do to them."""

    object_type: str
    receptacle_type: str
    kind: str


def parse_goal(instruction: str) -> Wish:
    """Read a goal sentence: the two nouns that are no fillers, and the kind of task."""
    words = split_words(instruction)
    nouns = [word for word in words if word not in _FILLERS]
    known = set(words)
    kind = "pick"
    if known & {"look", "examine"}:
        kind = "look_at"
    elif "two" in known:
        kind = "pick_two"
    elif known & {"clean", "cleaned"}:
        kind = "clean"
    elif known & {"hot", "heat", "heated"}:
        kind = "heat"
    elif known & {"cool", "cold", "cooled"}:
        kind = "cool"
    first = nouns[0] if nouns else ""
    return Wish(first, "" if kind == "look_at" or len(nouns) < 2 else nouns[-1], kind)


@dataclass
class Place:
    """What is known of a receptacle."""

    order: int
    visits: int = 0
    is_closed: bool = False
    is_read: bool = False
    contents: set[str] = field(default_factory=set)


def type_of(name: str) -> str:
    """Return the type of a numbered name: "mug" of "mug 2"."""
    return name.split(" ")[0]


class ALFWorldMemory(Memory):
    """Subgoals are the ways of handling the goal's object; features say how actions relate to them."""

    def list_subgoals(self) -> list[str]:
        """Return each subgoal of the vocabulary for the goal's object and receptacle."""
        self.goal = parse_goal(self.instruction)
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
        self.has_failed = observation.strip() == "Nothing happens."
        if not self.places:
            self._read_intro(observation)
        for place in _ARRIVAL.findall(observation):
            self.location = place
            self._place(place).visits += 1
        for place in _CLOSED.findall(observation):
            self._place(place).is_closed = True
        for surface, container, listed in _CONTENTS.findall(observation):
            known = self._place(surface or container)
            known.contents, known.is_closed, known.is_read = set(_ENTITY.findall(listed)), False, True
        if observation.startswith("You close the "):
            self._place(observation.removeprefix("You close the ").strip(" .\n")).is_closed = True
        self._read_effects(observation)
        self._read_admissible()

    def _read_admissible(self) -> None:
        """Note what the commands give away: places elsewhere, so places here, and what can be taken here."""
        away = [action.removeprefix("go to ") for action in self.admissible if action.startswith("go to ")]
        for name in away:
            self._place(name)
        for thing, place in (match.groups() for match in map(_TAKE.fullmatch, self.admissible) if match):
            self._place(place).contents.add(thing)
            self._place(place).is_read = True
        self.here = set(self.places) - set(away) if self.location else set()

    def _read_intro(self, observation: str) -> None:
        intro = _INTRO.search(observation)
        for name in _ENTITY.findall(intro[1]) if intro else []:
            self._place(name)
        for name in _NAME.findall(facing[1]) if (facing := _FACING.search(observation)) else []:
            self.location = name
            self._place(name).visits = 1

    def _read_effects(self, observation: str) -> None:
        for name, place in _TAKEN.findall(observation):
            self.held = name
            self._place(place).contents.discard(name)
            self.placed.pop(name, None)
        for name, place in _PLACED.findall(observation):
            self.held = ""
            self._place(place).contents.add(name)
            if type_of(name) == self.goal.object_type and type_of(place) == self.goal.receptacle_type:
                self.placed[name] = place
        for verb, name, _ in _TREATED.findall(observation):
            state = self.states.setdefault(name, set())
            state.add(TREATMENTS[verb])
            state.discard({"heat": "cool", "cool": "hot"}.get(verb, ""))
        if observation.startswith("You turn on the "):
            self.is_lamp_on = True

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
        if words[0] in TOOLS:
            return Wish(goal.object_type, TOOLS[words[0]], words[0])
        if words[0] == "look":
            return Wish(goal.object_type, "", "look_at")
        return Wish(goal.object_type, goal.receptacle_type, "put")

    def _wanted_in(self, place: Place) -> list[str]:
        """Return the goal's objects believed there that are not yet where they belong."""
        return [name for name in place.contents if type_of(name) == self.goal.object_type and name not in self.placed]

    def _has_treatment(self, name: str) -> bool:
        wanted = TREATMENTS.get(self.goal.kind)
        return wanted is None or wanted in self.states.get(name, set())

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
            self.turn / ALFWORLD_MAX_TURNS,
            unread / max(1, len(self.places)),
            min(self.age, 20) / 20,
            float(any(self._is_tool(name) for name in self.here)),
            *(float(self.goal.kind == kind) for kind in KINDS),
        ]

    def _is_tool(self, place: str) -> bool:
        return type_of(place) == TOOLS.get(self.goal.kind)

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
            is_over = holds_wanted and TREATMENTS[wish.kind] in self.states.get(self.held, set())
        return [*self.common_subgoal_features(position), *which, float(wish.kind == self.goal.kind), float(is_over)]

    def subgoal_words(self, subgoal: str) -> tuple[str, ...]:
        """Return its verb and nouns; of a flat agent's instruction, kind and nouns."""
        wish = self._wish(subgoal)
        return (wish.kind, wish.object_type, wish.receptacle_type)

    def describe_actions(self, subgoal: str) -> list[list[float]]:
        """Return for each command its verb, and how its object and its place relate to the subgoal and the notes."""
        wish = self._wish(subgoal)
        unread = [name for name, place in self.places.items() if not place.is_read]
        places = {name: self._describe_place(name, wish, unread) for name in self.places}
        return [self._describe_action(action, wish, places) for action in self.actions]

    def _describe_action(self, action: str, wish: Wish, places: Mapping[str, list[float]]) -> list[float]:
        match = _COMMAND.match(action)
        verb, first, second = (match["verb"], match["first"] or "", match["second"] or "") if match else ("", "", "")
        thing = "" if verb in ("go to", "open", "close") else first
        place_name = first if verb in ("go to", "open", "close") else second
        if verb == "examine" and first in self.places:
            thing, place_name = "", first
        verb = {"go to": "go", "put": "move", "inventory": "look", "help": "look"}.get(verb, verb)
        return [
            *(float(verb == known) for known in VERBS),
            *self._describe_thing(thing, wish),
            *places.get(place_name, _NO_PLACE),
            float(verb == wish.kind or (verb == "move" and wish.kind == "put")),
            float(action == self.last_action),
            min(self.taken[action], 3) / 3,
            float(verb == "look" and action != "look"),
            float(verb == "use" and self.is_lamp_on),
            float(verb == "examine" and bool(place_name)),
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
