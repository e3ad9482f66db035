"""Where the things of a game of the first edition lie; kept so that its frozen panels and records stay true.

The figures below follow the recorded games: one to three of each kind that can be picked up and one to four of the
kind asked for, one of each kind that cannot; about 28 % of the receptacles empty; a few things inside bowls, pots and
boxes; nothing of the kind asked for in a receptacle of the kind it must go to. Only `Random.random()` is drawn from,
whose stream is the one that Python promises to keep.
"""

import random

from hiper_envs.alfworld.generated.furniture import Furniture
from hiper_envs.alfworld.generated.scenes import Scene
from hiper_envs.alfworld.generated.tables import STATIC_PLACES, load_types
from hiper_envs.alfworld.generated.things import Filling, Thing, draw_weighted

COUNT_SHARES = (0.52, 0.28, 0.2)
"""How often a kind that can be picked up is there once, twice, three times."""
MAX_TARGETS = 4
INSIDE_SHARE = 0.05
"""How often a thing goes into a bowl, pot, box ... if one that may hold it is there."""
INSIDE_ONLY_SHARE = 0.3
"""How often such a thing counts as inside the bowl only, and can then not be taken."""
EMPTY_SHARES = {"Cabinet": 0.06, "Drawer": 0.06, "Shelf": 0.06, "StoveBurner": 0.1, "GarbageCan": 0.2, "Safe": 0.1}
"""How often a receptacle is left empty on purpose."""
ROOMINESS = {
    "CounterTop": 3.0,
    "DiningTable": 3.0,
    "Desk": 3.0,
    "Dresser": 3.0,
    "CoffeeTable": 3.0,
    "Bed": 3.0,
    "SideTable": 2.0,
    "Fridge": 2.0,
    "Sofa": 2.0,
    "Cart": 2.0,
    "SinkBasin": 1.5,
    "Microwave": 0.7,
    "StoveBurner": 1.5,
    "ToiletPaperHanger": 2.0,
    "HandTowelHolder": 2.0,
}
"""Weight of a receptacle when a place is drawn; 1 for the rest."""


def place_things(
    scene: Scene, generator: random.Random, object_type: str, receptacle_type: str | None, num_targets: int
) -> list[Thing]:
    """Fill a room for a task: at least `num_targets` things of the object type, none in the receptacle type.

    Args:
        scene: The room.
        generator: Where chance comes from.
        object_type: What the task asks for.
        receptacle_type: Where it is to go, which none of them lies in at first; None for no such place.
        num_targets: How many of the object type there must be at least.

    Raises:
        ValueError: when the room has no other place for the object type.
    """
    return _Filling(scene, generator, object_type, receptacle_type).fill(num_targets)


class _Filling(Filling):
    """One room being filled."""

    def __init__(self, scene: Scene, generator: random.Random, object_type: str, receptacle_type: str | None) -> None:
        super().__init__(scene, generator)
        self.object_type = object_type
        self.receptacle_type = receptacle_type
        self.able: dict[str, list[Furniture]] = {}
        self.closed_off = {
            piece.name for piece in scene.furniture if generator.random() < EMPTY_SHARES.get(piece.type, 0.0)
        }

    def fill(self, num_targets: int) -> list[Thing]:
        types = load_types()
        for kind in self.list_kinds():
            if kind == self.object_type:
                count = num_targets + int(self.generator.random() * (MAX_TARGETS + 1 - num_targets))
            elif kind in types.pickupable:
                count = draw_weighted(self.generator, range(1, len(COUNT_SHARES) + 1), COUNT_SHARES)
            else:
                count = 1
            for _ in range(count):
                self._place(kind)
        return self.things

    def _place(self, kind: str) -> None:
        container = self._draw_container(kind)
        if container is not None and container.holder is not None:
            is_only_inside = kind != self.object_type and self.generator.random() < INSIDE_ONLY_SHARE
            self.put(kind, container.holder, None if is_only_inside else container.holder, container.name)
            return
        holder = self._draw_holder(kind)
        if holder is None and kind == self.object_type:
            raise ValueError(
                f"floor plan {self.scene.floor_plan} has no place for a {kind} but the {self.receptacle_type}"
            )
        self.put(kind, holder, holder)

    def _draw_container(self, kind: str) -> Thing | None:
        contents = load_types().contents
        if not self._able(kind) or self.generator.random() >= INSIDE_SHARE:
            return None
        containers = [thing for thing in self.things if kind in contents.get(thing.type, ())]
        containers = [thing for thing in containers if thing.holder is not None and self._may_hold(thing.holder, kind)]
        return containers[int(self.generator.random() * len(containers))] if containers else None

    def _may_hold(self, piece: Furniture, kind: str) -> bool:
        return not (kind == self.object_type and piece.type == self.receptacle_type)

    def _able(self, kind: str) -> list[Furniture]:
        """Return the furniture where a thing of this kind may lie at the start."""
        if kind not in self.able:
            self.able[kind] = self._find_able(kind)
        return self.able[kind]

    def _find_able(self, kind: str) -> list[Furniture]:
        types = load_types()
        if kind not in types.pickupable:
            return [piece for piece in self.scene.furniture if piece.type in STATIC_PLACES.get(kind, ())]
        holders = [piece for piece in self.scene.furniture if kind in types.contents.get(piece.type, ())]
        return [piece for piece in holders if self._may_hold(piece, kind)]

    def _draw_holder(self, kind: str) -> Furniture | None:
        able = self._able(kind)
        able = [piece for piece in able if piece.name not in self.closed_off] or able
        if not able:
            return None
        weights = [ROOMINESS.get(piece.type, 1.0) / (1 + self.loads[piece.name]) for piece in able]
        return draw_weighted(self.generator, able, weights)
