"""The list of admissible commands, in string order.

No verb begins another verb, so the commands of each verb are sorted by themselves and joined in the order of the verbs.
"""

from collections.abc import Iterable, Sequence

from hiper_envs.alfworld.rules.situation import Situation
from hiper_envs.alfworld.rules.world import World


def is_reachable(world: World, situation: Situation, receptacle: int) -> bool:
    """Return whether things can be put into the receptacle and taken out of it: no door, or an open one.

    Args:
        world: What never changes in the game.
        situation: What is so now.
        receptacle: Its entity's number.
    """
    return not (world.openable & ~situation.opened) >> receptacle & 1


def list_commands(world: World, situation: Situation) -> list[str]:
    """Return every admissible command, in string order."""
    place = situation.location
    here, doors = world.here[place], world.doors[place]
    opening = closing = cleaning = cooling = heating = putting = slicing = taking = using = NONE
    reachable = here
    if doors:
        closed = world.openable & ~situation.opened
        reachable = tuple([receptacle for receptacle in here if not closed >> receptacle & 1])
        opening = _sort(["open " + world.receptacles[door] for door in doors if closed >> door & 1])
        closing = _sort(["close " + world.receptacles[door] for door in doors if not closed >> door & 1])
    examining: Sequence[str] = world.examine[place]
    if situation.held:
        examining = sorted([*examining, *(f"examine {world.objects[entity]}" for entity in situation.held)])
        tools = world.tools[place]
        cleaning = _list_treatments(world, situation, "clean", world.cleanable, tools.sinks)
        cooling = _list_treatments(world, situation, "cool", world.coolable, tools.fridges)
        heating = _list_treatments(world, situation, "heat", world.heatable, tools.microwaves)
        putting = _list_puts(world, situation, reachable)
        slicing = _list_slicings(world, situation)
    if not situation.hands_full and reachable:
        taking = _list_takes(world, situation, reachable)
    moving, putting = (putting, NONE) if world.grammar == "move" else (NONE, putting)
    if world.toggleable:
        using = _list_uses(world, situation, here)
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


def _list_treatments(
    world: World, situation: Situation, verb: str, able: int, appliances: tuple[int, ...]
) -> Sequence[str]:
    if not appliances:
        return NONE
    return _sort(
        [
            f"{verb} {world.objects[entity]} with {world.receptacles[appliance]}"
            for entity in situation.held
            if able >> entity & 1
            for appliance in appliances
        ]
    )


def _list_puts(world: World, situation: Situation, reachable: Iterable[int]) -> list[str]:
    pattern = "move {} to {}" if world.grammar == "move" else "put {} in/on {}"
    return _sort(
        [
            pattern.format(world.objects[entity], world.receptacles[receptacle])
            for entity in situation.held
            for receptacle in reachable
            if world.accepts[receptacle] >> entity & 1
        ]
    )


def _list_slicings(world: World, situation: Situation) -> Sequence[str]:
    knives = [entity for entity in situation.held if world.knives >> entity & 1]
    if not knives:
        return NONE
    return _sort(
        [
            f"slice {world.objects[entity]} with {world.objects[knife]}"
            for entity in situation.placed[situation.location]
            if world.sliceable >> entity & 1
            for knife in knives
        ]
    )


def _list_takes(world: World, situation: Situation, reachable: Iterable[int]) -> list[str]:
    contents = situation.contents
    names, pickupable = world.objects, world.pickupable
    commands = []
    for receptacle in reachable:
        source = " from " + world.receptacles[receptacle]
        commands += ["take " + names[entity] + source for entity in contents[receptacle] if pickupable >> entity & 1]
    return _sort(commands)


def _list_uses(world: World, situation: Situation, here: Iterable[int]) -> Sequence[str]:
    names, toggleable, contents = world.objects, world.toggleable, situation.contents
    found = [entity for receptacle in here for entity in contents[receptacle] if toggleable >> entity & 1]
    return sorted({"use " + names[entity] for entity in found}) if found else NONE
