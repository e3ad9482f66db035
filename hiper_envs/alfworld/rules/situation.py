"""Where a game stands: everything that commands change, as data alone."""

from typing import NamedTuple


class State(NamedTuple):
    """Everything that commands change, as hashable values; equal states answer equally for ever.

    Objects, receptacles and locations are indices into the world's tuples, which are in the order of their ids.

    Attributes:
        location: Where the agent stands.
        held: Objects in hand.
        hands_full: Whether the agent can take no further object.
        contents: Per receptacle, the objects in it.
        placed: Per location, the objects said to be there (what slicing needs, and the floor).
        taken: (object, receptacle) for each object taken out of a receptacle and not put back into it.
        opened: Bit mask of the open receptacles.
        clean: Bit mask of objects; so are `hot`, `cool`, `sliced` and `toggled`.
    """

    location: int
    held: tuple[int, ...]
    hands_full: bool
    contents: tuple[tuple[int, ...], ...]
    placed: tuple[tuple[int, ...], ...]
    taken: tuple[tuple[int, int], ...]
    opened: int
    clean: int
    hot: int
    cool: int
    sliced: int
    toggled: int


class Situation:
    """A game in play, with the fields of `State`; `contents` and `placed` are lists here and `taken` is a set.

    Everybody may read it; only the engine writes.
    """

    location: int
    held: tuple[int, ...]
    hands_full: bool
    contents: list[tuple[int, ...]]
    placed: list[tuple[int, ...]]
    taken: set[tuple[int, int]]
    opened: int
    clean: int
    hot: int
    cool: int
    sliced: int
    toggled: int

    def get_state(self) -> State:
        """Return everything that commands have changed, as one hashable, picklable value."""
        return State(
            self.location,
            self.held,
            self.hands_full,
            tuple(self.contents),
            tuple(self.placed),
            tuple(sorted(self.taken)),
            self.opened,
            self.clean,
            self.hot,
            self.cool,
            self.sliced,
            self.toggled,
        )

    def set_state(self, state: State) -> None:
        """Go on from a state of this same game.

        Raises:
            ValueError: The state belongs to another game.
        """
        self.location = state.location
        self.held = state.held
        self.hands_full = state.hands_full
        self.contents = list(state.contents)
        self.placed = list(state.placed)
        self.taken = set(state.taken)
        self.opened = state.opened
        self.clean = state.clean
        self.hot = state.hot
        self.cool = state.cool
        self.sliced = state.sliced
        self.toggled = state.toggled
