"""What can be read in ALFWorld: the task sentence, and turn by turn what lies where."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

SENTENCES = (
    ("clean", r"(?:put a clean|clean some) (\w+) (?:in|and put it in) (\w+)"),
    ("heat", r"(?:put a hot|heat some) (\w+) (?:in|and put it in) (\w+)"),
    ("cool", r"(?:put a cool|cool some) (\w+) (?:in|and put it in) (\w+)"),
    ("pick_two", r"(?:put two|find two) (\w+) (?:in|and put them in) (\w+)"),
    ("look_at", r"(?:look at|examine the) (\w+) (?:under|with) the (\w+)"),
    ("pick", r"put (?:a|some) (\w+) (?:in|on) (\w+)"),
)
"""Kind of task and its sentences: object type, receptacle or lamp type."""
FACING = re.compile(r"You are facing the (.*?)\. Next to it")
ROOM = re.compile(r"looking quickly around you, you see (.*)\.", re.IGNORECASE)
CONTENTS = re.compile(r"(?:On the ([a-z]+ \d+)|The ([a-z]+ \d+) is open\. In it), you see (.*?)\.")
NAME = re.compile(r"[a-z]+ \d+")
THING = re.compile(r"\ba ([a-z]+ \d+)")
TAKE = re.compile(r"take (.+) from (.+)")
PUT = re.compile(r"(?:move (.+) to|put (.+) in/on) (.+)")
NOTHING_HAPPENS = "Nothing happens."


@dataclass(frozen=True)
class Request:
    """What a task sentence asks for; types in lowercase, `place` is the lamp's type when the kind is look_at."""

    kind: str
    thing: str
    place: str


def read_request(instruction: str) -> Request:
    """Read a task sentence, with or without 'Your task is to: '.

    Raises:
        ValueError: when it is none of ALFWorld's sentences.
    """
    sentence = instruction.strip().removeprefix("Your task is to: ").removesuffix(".")
    for kind, pattern in SENTENCES:
        match = re.fullmatch(pattern, sentence)
        if match is not None:
            return Request(kind, match[1], match[2])
    raise ValueError(f"{instruction!r} is none of ALFWorld's task sentences")


def type_of(name: str) -> str:
    """Return the type in a name: 'mug' of 'mug 2'."""
    return name.split(" ")[0]


class Room:
    """What has been read so far.

    Attributes:
        receptacles: All names, in the order of their types and numbers.
        here: The receptacles at hand.
        contents: What lies in each receptacle that has been seen open or has no door.
        open: The receptacles whose doors have been opened.
        held: What is in hand.
        treated: What has been cleaned, heated or cooled.
        placed: Thing to the receptacle into which it has been put.
        lamps: Thing that can be turned on to a receptacle beside it.
        visited: The receptacles that have been at hand.
    """

    def __init__(self, observation: str, actions: Iterable[str]) -> None:
        listed, facing = ROOM.search(observation), FACING.search(observation)
        names = NAME.findall(listed[1]) if listed is not None else []
        if not names:
            # An agent that starts at a piece of furniture is not shown the room, and cannot go where it is.
            names = [action.removeprefix("go to ") for action in actions if action.startswith("go to ")]
            names += NAME.findall(facing[1]) if facing is not None else []
        self.receptacles = sorted(names, key=lambda name: (type_of(name), int(name.split(" ")[-1])))
        self.here: list[str] = []
        self.contents: dict[str, list[str]] = {}
        self.open: set[str] = set()
        self.held: str | None = None
        self.treated: set[str] = set()
        self.placed: dict[str, str] = {}
        self.lamps: dict[str, str] = {}
        self.visited: set[str] = set()

    def read(self, observation: str, actions: Iterable[str], last_action: str) -> None:
        """Take in one turn: what the last action did, and what can be seen and done here."""
        self.actions = list(actions)
        if not observation.startswith(NOTHING_HAPPENS):
            self._read_deed(last_action)
        examined = [action.removeprefix("examine ") for action in self.actions if action.startswith("examine ")]
        self.here = [name for name in self.receptacles if name in examined]
        self.held = next((name for name in examined if name not in self.receptacles), None)
        self.visited.update(self.here)
        self.open.update(name for name in self.here if f"close {name}" in self.actions)
        if self.held is None:
            self._read_takes()
        for name, door, things in CONTENTS.findall(observation):
            self.contents[name or door] = THING.findall(things)
        for action in self.actions:
            if action.startswith("use ") and self.here:
                self.lamps.setdefault(action.removeprefix("use "), self.here[0])

    def _read_deed(self, action: str) -> None:
        put = PUT.fullmatch(action)
        if put is not None:
            self.placed[put[1] or put[2]] = put[3]
        elif action.startswith(("clean ", "heat ", "cool ")):
            self.treated.add(action.split(" ", 1)[1].split(" with ")[0])
        elif (take := TAKE.fullmatch(action)) is not None:
            self.placed.pop(take[1], None)
            for things in self.contents.values():
                if take[1] in things:
                    things.remove(take[1])

    def _read_takes(self) -> None:
        """With empty hands, what can be taken tells what lies in everything open here, looked at or not."""
        things: dict[str, list[str]] = {name: [] for name in self.here if f"open {name}" not in self.actions}
        for action in self.actions:
            take = TAKE.fullmatch(action)
            if take is not None:
                things[take[2]].append(take[1])
        self.contents.update(things)
