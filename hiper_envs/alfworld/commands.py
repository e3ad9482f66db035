"""The list of admissible commands, in string order.

No verb begins another verb, so the commands of each verb are sorted by themselves and joined in the order of the verbs.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hiper_envs.alfworld.engine import Engine


def is_reachable(engine: "Engine", receptacle: int) -> bool:
    """Return whether things can be put into the receptacle and taken out of it: no door, or an open one."""
    return not (engine.world.openable & ~engine.opened) >> receptacle & 1


def list_commands(engine: "Engine") -> list[str]:
    """Return every admissible command, in string order."""
    world, place = engine.world, engine.location
    here = world.here[place]
    closed = world.openable & ~engine.opened
    reachable = [receptacle for receptacle in here if not closed >> receptacle & 1]
    opening, closing = _list_doors(engine, here, closed)
    cleaning = cooling = heating = putting = slicing = taking = NONE
    examining: Sequence[str] = world.examine[place]
    if engine.held:
        examining = sorted([*examining, *(f"examine {world.objects[entity]}" for entity in engine.held)])
        cleaning = _list_treatments(engine, "clean", world.cleanable, world.sinks)
        cooling = _list_treatments(engine, "cool", world.coolable, world.fridges)
        heating = _list_treatments(engine, "heat", world.heatable, world.microwaves)
        putting = _list_puts(engine, reachable)
        slicing = _list_slicings(engine)
    if not engine.hands_full:
        taking = _list_takes(engine, reachable)
    moving, putting = (putting, NONE) if world.grammar == "move" else (NONE, putting)
    using = _list_uses(engine, here) if world.toggleable else NONE
    return [
        *cleaning,
        *closing,
        *cooling,
        *examining,
        *world.go[place],
        *heating,
        *world.standing,
        *moving,
        *opening,
        *putting,
        *slicing,
        *taking,
        *using,
    ]


NONE: Sequence[str] = ()


def _sort(commands: list[str]) -> list[str]:
    if len(commands) > 1:
        commands.sort()
    return commands


def _list_doors(engine: "Engine", here: Iterable[int], closed: int) -> tuple[list[str], list[str]]:
    names, openable = engine.world.receptacles, engine.world.openable
    opening, closing = [], []
    for receptacle in here:
        if closed >> receptacle & 1:
            opening.append("open " + names[receptacle])
        elif openable >> receptacle & 1:
            closing.append("close " + names[receptacle])
    return _sort(opening), _sort(closing)


def _list_treatments(engine: "Engine", verb: str, able: int, appliances: int) -> Sequence[str]:
    world = engine.world
    usable = [receptacle for receptacle in world.here[engine.location] if appliances >> receptacle & 1]
    if not usable:
        return NONE
    return _sort(
        [
            f"{verb} {world.objects[entity]} with {world.receptacles[receptacle]}"
            for entity in engine.held
            if able >> entity & 1
            for receptacle in usable
        ]
    )


def _list_puts(engine: "Engine", reachable: Iterable[int]) -> list[str]:
    world = engine.world
    pattern = "move {} to {}" if world.grammar == "move" else "put {} in/on {}"
    return _sort(
        [
            pattern.format(world.objects[entity], world.receptacles[receptacle])
            for entity in engine.held
            for receptacle in reachable
            if world.accepts[receptacle] >> entity & 1
        ]
    )


def _list_slicings(engine: "Engine") -> Sequence[str]:
    world = engine.world
    knives = [entity for entity in engine.held if world.knives >> entity & 1]
    if not knives:
        return NONE
    return _sort(
        [
            f"slice {world.objects[entity]} with {world.objects[knife]}"
            for entity in engine.placed[engine.location]
            if world.sliceable >> entity & 1
            for knife in knives
        ]
    )


def _list_takes(engine: "Engine", reachable: Iterable[int]) -> list[str]:
    world, contents = engine.world, engine.contents
    names, pickupable = world.objects, world.pickupable
    commands = []
    for receptacle in reachable:
        source = " from " + world.receptacles[receptacle]
        commands += ["take " + names[entity] + source for entity in contents[receptacle] if pickupable >> entity & 1]
    return _sort(commands)


def _list_uses(engine: "Engine", here: Iterable[int]) -> Sequence[str]:
    names, toggleable, contents = engine.world.objects, engine.world.toggleable, engine.contents
    found = [entity for receptacle in here for entity in contents[receptacle] if toggleable >> entity & 1]
    return sorted({"use " + names[entity] for entity in found}) if found else NONE
