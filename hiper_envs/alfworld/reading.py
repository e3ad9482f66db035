"""What ALFWorld's texts say: its task sentences, its observations and its commands, for all who read them.

The sentences are those of alfworld 0.4.2 (gen/goal_library.py, data/alfred.twl2) and, with "put O in/on R", those of
the games before it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from hiper_envs.alfworld.own_words import read_goal
from hiper_envs.task_types import TaskKind

TASK_PREFIX = "Your task is to: "
NOTHING_HAPPENS = "Nothing happens."
ORDERS: Mapping[str, str] = {"any": "do all of these: ", "sequence": "do these in order: "}
"""How several goals count -> how their sentence begins."""
SEPARATOR = "; "
"""Between the sentences of several goals."""


class Treatment(NamedTuple):
    """How a thing is cleaned, heated or cooled.

    Attributes:
        tool: The type of the furniture in which it is done.
        past: What has happened to the thing then.
        undoes: The kind of treatment that it takes back, "" for none.
    """

    tool: str
    past: str
    undoes: str = ""


TREATMENTS: Mapping[str, Treatment] = {
    "clean": Treatment("sinkbasin", "cleaned"),
    "heat": Treatment("microwave", "heated", undoes="cool"),
    "cool": Treatment("fridge", "cooled", undoes="heat"),
}
"""Kind of task, and verb of its command -> its treatment."""
_TEMPLATES: Sequence[tuple[TaskKind, str]] = (
    ("clean", r"(?:put a clean|clean some) (\w+) (?:in|and put it in) (\w+)"),
    ("heat", r"(?:put a hot|heat some) (\w+) (?:in|and put it in) (\w+)"),
    ("cool", r"(?:put a cool|cool some) (\w+) (?:in|and put it in) (\w+)"),
    ("pick_two", r"(?:put two|find two) (\w+) (?:in|and put them in) (\w+)"),
    ("look_at", r"(?:look at|examine the) (\w+) (?:under|with) the (\w+)"),
    ("pick", r"(?:put|find) (?:an?|some) (\w+) (?:in|on|and put it (?:in|on)) (\w+)"),
)
"""Kind of task and its sentences: type of the thing, type of the furniture or the lamp."""
_NAME = r"([a-z]+ \d+)"
_ANY_NAME = re.compile(_NAME)
_THING = re.compile(rf"\ba {_NAME}")
_LISTED = re.compile(r"ooking quickly around you, you see (.*?)\.", re.DOTALL)
_FACING = re.compile(r"You are facing the (.*?)\. Next to it", re.DOTALL)
_ARRIVAL = re.compile(rf"You arrive at {_NAME}\.")
_CLOSED = re.compile(rf"The {_NAME} is closed\.|You close the {_NAME}\.")
_CONTENTS = re.compile(rf"(?:On the {_NAME}|The {_NAME} is open\. In it), you see (.*?)\.", re.DOTALL)
_DEEDS: Sequence[tuple[str, re.Pattern[str]]] = (
    ("take", re.compile(rf"You pick up the {_NAME} from the {_NAME}\.")),
    ("put", re.compile(rf"You (?:move|put) the {_NAME} (?:to|in/on) the {_NAME}\.")),
    *((verb, re.compile(rf"You {verb} the {_NAME} using the {_NAME}\.")) for verb in TREATMENTS),
    ("use", re.compile(rf"You turn on the {_NAME}()\.")),
)
_COMMAND = re.compile(
    rf"(go to|take|move|put|open|close|clean|heat|cool|use|slice|examine|look|inventory|help)"
    rf"(?: {_NAME})?(?: (?:from|to|in/on|with) {_NAME})?"
)
_VERBS = {"go to": "go", "move": "put"}
_PROGRESS = re.compile(r"\n\nDone: .+\. Next: (.+)\.\Z")
_ON_FURNITURE = ("go", "open", "close")


@dataclass(frozen=True)
class Request:
    """What a task asks for, types in lowercase as they appear in names.

    Attributes:
        kind: The kind of task.
        things: The types that may be meant, the likeliest first; empty if none was understood.
        places: The same of the furniture where they belong, or of the lamp when `kind` is "look_at".
    """

    kind: TaskKind
    things: tuple[str, ...]
    places: tuple[str, ...]

    @property
    def thing(self) -> str:
        """The likeliest type; "" if none was understood."""
        return self.things[0] if self.things else ""

    @property
    def place(self) -> str:
        """The likeliest furniture or lamp; "" if none was understood."""
        return self.places[0] if self.places else ""


class GoalList(NamedTuple):
    """What an instruction asks for, goal by goal.

    Attributes:
        sentences: ALFWorld's sentence for each; one of a plain task.
        is_sequence: Whether they are due one after the other.
    """

    sentences: tuple[str, ...]
    is_sequence: bool


class Deed(NamedTuple):
    """What an observation says has just been done.

    Attributes:
        verb: "take", "put", "clean", "heat", "cool" or "use" (a lamp).
        thing: What was handled.
        place: Where it came from or went, or the tool; "" for a lamp.
    """

    verb: str
    thing: str
    place: str


class Command(NamedTuple):
    """A command taken apart; what it does not name is "".

    Attributes:
        verb: "go", "take", "put", "open", "close", "clean", "heat", "cool", "use", "slice", "examine", "look",
            "inventory" or "help".
        thing: What is handled; of "examine" whatever is examined.
        place: Where to, where from, or with what.
    """

    verb: str
    thing: str = ""
    place: str = ""


@dataclass(frozen=True)
class Observation:
    """What an observation says, as names ("mug 2").

    Attributes:
        listed: The furniture of the whole room.
        facing: The furniture at hand.
        arrival: Where the agent has come to; "" if it has not.
        closed: The furniture said to be closed.
        contents: Furniture -> the things on or in it.
        deed: What has been done, if something has.
        is_refused: Whether nothing happens.
    """

    listed: tuple[str, ...] = ()
    facing: tuple[str, ...] = ()
    arrival: str = ""
    closed: tuple[str, ...] = ()
    contents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    deed: Deed | None = None
    is_refused: bool = False


def type_of(name: str) -> str:
    """Return the type in a name: "mug" of "mug 2"."""
    return name.partition(" ")[0]


def read_request(instruction: str) -> Request:
    """Read a task: one of ALFWorld's sentences, exactly; any other text as well as its words allow.

    Args:
        instruction: The sentence, with or without 'Your task is to: ' and a full stop.
    """
    sentence = instruction.strip().removeprefix(TASK_PREFIX).removesuffix(".")
    for kind, pattern in _TEMPLATES:
        match = re.fullmatch(pattern, sentence)
        if match is not None:
            return Request(kind, (match[1],), (match[2],))
    return Request(*read_goal(sentence))


def read_goals(instruction: str) -> GoalList:
    """Take an instruction with several goals apart: "do all of these: A; B; C", "do these in order: A; B; C".

    Args:
        instruction: The sentence, with or without 'Your task is to: ' and a full stop; any other one is one goal.
    """
    sentence = instruction.strip().removeprefix(TASK_PREFIX)
    for order, beginning in ORDERS.items():
        if sentence.startswith(beginning):
            parts = sentence.removeprefix(beginning).removesuffix(".").split(SEPARATOR)
            return GoalList(tuple(parts), order == "sequence")
    return GoalList((instruction,), False)


def write_progress(done: Sequence[str], due: str) -> str:
    """Write the line that tells which goals of a sequence a turn has done, and which one is due now."""
    return f"\n\nDone: {SEPARATOR.join(done)}. Next: {due}."


def read_due(text: str) -> str:
    """Return the sentence of the goal that an observation says is due now, "" if it does not say so."""
    match = _PROGRESS.search(text)
    return match[1] if match is not None else ""


def read_observation(text: str) -> Observation:
    """Read an observation of either wording; what is none says nothing."""
    listed, facing, arrival = _LISTED.search(text), _FACING.search(text), _ARRIVAL.search(text)
    return Observation(
        listed=tuple(_THING.findall(listed[1])) if listed else (),
        facing=tuple(_ANY_NAME.findall(facing[1])) if facing else (),
        arrival=arrival[1] if arrival else "",
        closed=tuple(first or second for first, second in _CLOSED.findall(text)),
        contents={top or inner: tuple(_THING.findall(things)) for top, inner, things in _CONTENTS.findall(text)},
        deed=read_deed(text),
        is_refused=text.strip() == NOTHING_HAPPENS,
    )


def read_deed(text: str) -> Deed | None:
    """Read what an observation says has just been done, None if nothing has."""
    for verb, pattern in _DEEDS:
        match = pattern.search(text)
        if match is not None:
            return Deed(verb, *match.groups())
    return None


def read_command(action: str) -> Command:
    """Take a command of either wording apart; the verb of what is no command is ""."""
    match = _COMMAND.fullmatch(action)
    if match is None:
        return Command("")
    verb, first, second = _VERBS.get(match[1], match[1]), match[2] or "", match[3] or ""
    return Command(verb, "", first) if verb in _ON_FURNITURE else Command(verb, first, second)
