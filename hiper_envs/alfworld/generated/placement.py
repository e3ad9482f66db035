"""Where the things of a game lie: a room is filled with objects, seeded, as often here and there as in real games.

Kinds, numbers and places follow `counts`: a thing draws its kind of furniture by how often such things lie there in
real games that have it, then one such piece. A task only decides about the things that it asks for: to be moved, none
of them starts where it is to go; to be cleaned, heated or cooled, none starts in the tool, but it may well start at
the destination. Only `Random.random()` is drawn from, whose stream is the one that Python promises to keep.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from hiper_envs.alfworld.generated.counts import FLOOR, load_counts, number_shares, place_share, wanted_factor
from hiper_envs.alfworld.generated.furniture import Furniture
from hiper_envs.alfworld.generated.scenes import Scene
from hiper_envs.alfworld.generated.tables import load_types
from hiper_envs.alfworld.generated.things import Filling, Thing, draw_weighted

SINGLE = frozenset({"CoffeeMachine", "HandTowelHolder", "StoveBurner", "Toaster", "ToiletPaperHanger", "TowelHolder"})
"""Furniture that holds one thing at the start."""
FAVOUR = 1.4
"""How much more often: real games to clean, heat or cool have the wanted thing at the destination so often."""


@dataclass(frozen=True)
class Wanted:
    """What a task decides about the things that it asks for.

    Attributes:
        type: Their type.
        number: How many it needs.
        banned: Types of furniture in which none of them starts.
        favoured: Types of furniture in which they lie somewhat more often than other things of their kind.
    """

    type: str
    number: int
    banned: frozenset[str] = frozenset()
    favoured: frozenset[str] = frozenset()


def place_things(scene: Scene, generator: random.Random, wanted: Wanted) -> list[Thing]:
    """Fill a room for a task.

    Args:
        scene: The room.
        generator: Where chance comes from.
        wanted: What the task asks for; at least so many of its things lie where they can be taken.

    Raises:
        ValueError: when the room has no place for the wanted things.
    """
    return _Filling(scene, generator, wanted).fill()


class _Filling(Filling):
    """One room being filled."""

    def __init__(self, scene: Scene, generator: random.Random, wanted: Wanted) -> None:
        super().__init__(scene, generator)
        self.wanted = wanted
        self.pieces: dict[str, list[Furniture]] = {}
        for piece in scene.furniture:
            self.pieces.setdefault(piece.type, []).append(piece)

    def fill(self) -> list[Thing]:
        for kind in self.list_kinds():
            for number in range(self._draw_number(kind)):
                is_needed = kind == self.wanted.type and number < self.wanted.number
                self._place(kind, is_needed)
        return self.things

    def _draw_number(self, kind: str) -> int:
        if kind == self.wanted.type:
            return self._draw_from(load_counts().targets[self.wanted.number], self.generator)
        if kind in load_types().pickupable:
            return self._draw_from(number_shares(kind), self.generator)
        # What cannot be moved belongs to the room, and is the same in all of its games.
        return self._draw_from(number_shares(kind), random.Random(f"{self.scene.floor_plan}/{kind}"))

    def _draw_from(self, shares: Mapping[int, float], generator: random.Random) -> int:
        return draw_weighted(generator, list(shares), list(shares.values()))

    def _place(self, kind: str, is_needed: bool) -> None:
        container = self._draw_container(kind) if kind in load_types().pickupable else None
        holder = container.holder if container is not None else self._draw_holder(kind, is_needed)
        self.put(kind, holder, holder, container.name if container is not None else None)

    def _draw_container(self, kind: str) -> Thing | None:
        contents = load_types().contents
        able = [thing for thing in self.things if thing.holder is not None and kind in contents.get(thing.type, ())]
        able = [thing for thing in able if thing.holder is not None and self._may_hold(thing.holder.type, kind)]
        if not able or self.generator.random() >= load_counts().inside_share:
            return None
        return able[int(self.generator.random() * len(able))]

    def _may_hold(self, place: str, kind: str) -> bool:
        return kind != self.wanted.type or place not in self.wanted.banned

    def _favour(self, place: str, kind: str) -> float:
        if kind != self.wanted.type:
            return 1.0
        return wanted_factor(place) * (FAVOUR if place in self.wanted.favoured else 1.0)

    def _draw_holder(self, kind: str, is_needed: bool) -> Furniture | None:
        """Draw a piece of furniture; None is the floor, where nothing that is needed can lie."""
        places = [place for place in self.pieces if self._may_hold(place, kind) and self._list_free(place)]
        weights = [place_share(kind, place) * self._favour(place, kind) for place in places]
        if not is_needed:
            places.append(FLOOR)
            weights.append(place_share(kind, FLOOR))
        if not sum(weights):
            if is_needed:
                banned = " and ".join(sorted(self.wanted.banned)) or "floor"
                raise ValueError(f"floor plan {self.scene.floor_plan} has no place for a {kind} but the {banned}")
            return None
        place = draw_weighted(self.generator, places, weights)
        if place == FLOOR:
            return None
        free = self._list_free(place)
        return free[int(self.generator.random() * len(free))]

    def _list_free(self, place: str) -> list[Furniture]:
        pieces = self.pieces[place]
        return [piece for piece in pieces if not self.loads[piece.name]] if place in SINGLE else pieces
