"""What the expert has read so far of an ALFWorld game: what lies where, what is held, what has been done."""

from collections.abc import Iterable

from hiper_envs.alfworld.reading import TREATMENTS, Deed, Observation, read_command, read_observation, type_of


class Room:
    """A room as it becomes known, turn by turn.

    Attributes:
        receptacles: All names, in the order of their types and numbers.
        here: The receptacles at hand.
        contents: What lies in each receptacle that has been seen open or has no door.
        open: The receptacles whose doors have been opened.
        held: What is in hand.
        treated: What has been cleaned, heated or cooled.
        states: Thing to how it has been treated, as far as nothing has undone that.
        placed: Thing to the receptacle into which it has been put.
        lamps: Thing that can be turned on to a receptacle beside it.
        visited: The receptacles that have been at hand.
    """

    def __init__(self, observation: str, actions: Iterable[str]) -> None:
        seen = read_observation(observation)
        names = set(seen.listed)
        if not names:
            # An agent that starts at a piece of furniture is not shown the room, and cannot go where it is.
            names = {action.removeprefix("go to ") for action in actions if action.startswith("go to ")}
            names |= set(seen.facing)
        self.receptacles = sorted(names, key=lambda name: (type_of(name), int(name.split(" ")[-1])))
        self.here: list[str] = []
        self.contents: dict[str, list[str]] = {}
        self.open: set[str] = set()
        self.held: str | None = None
        self.treated: set[str] = set()
        self.states: dict[str, set[str]] = {}
        self.placed: dict[str, str] = {}
        self.lamps: dict[str, str] = {}
        self.visited: set[str] = set()

    def read(self, observation: str, actions: Iterable[str]) -> None:
        """Take in one turn: what has just been done, and what can be seen and done here."""
        self.actions = list(actions)
        seen = read_observation(observation)
        if seen.deed is not None:
            self._read_deed(seen.deed)
        examined = [action.removeprefix("examine ") for action in self.actions if action.startswith("examine ")]
        self.here = [name for name in self.receptacles if name in examined]
        self.held = next((name for name in examined if name not in self.receptacles), None)
        self.visited.update(self.here)
        self.open.update(name for name in self.here if f"close {name}" in self.actions)
        if self.held is None:
            self._read_takes()
        self._read_contents(seen)
        for action in self.actions:
            if action.startswith("use ") and self.here:
                self.lamps.setdefault(action.removeprefix("use "), self.here[0])

    def keep_treated(self, verb: str) -> None:
        """Count as treated only what has been treated so: among several goals another treatment may have come first."""
        self.treated = {thing for thing, states in self.states.items() if verb in states}

    def _read_contents(self, seen: Observation) -> None:
        # Looking into a bowl reads like looking into furniture, but nothing can be fetched from there.
        known = {place: list(things) for place, things in seen.contents.items() if place in self.receptacles}
        self.contents.update(known)

    def _read_deed(self, deed: Deed) -> None:
        if deed.verb == "put":
            self.placed[deed.thing] = deed.place
        elif deed.verb in TREATMENTS:
            self.treated.add(deed.thing)
            states = self.states.setdefault(deed.thing, set())
            states.discard(TREATMENTS[deed.verb].undoes)
            states.add(deed.verb)
        elif deed.verb == "take":
            self.placed.pop(deed.thing, None)
            for things in self.contents.values():
                if deed.thing in things:
                    things.remove(deed.thing)

    def _read_takes(self) -> None:
        """With empty hands, what can be taken tells what lies in everything open here, looked at or not."""
        things: dict[str, list[str]] = {name: [] for name in self.here if f"open {name}" not in self.actions}
        for command in map(read_command, self.actions):
            if command.verb == "take":
                things.setdefault(command.place, []).append(command.thing)
        self.contents.update(things)
