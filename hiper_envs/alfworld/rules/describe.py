"""The texts that the engine answers with, written from a world and a situation in it."""

from collections.abc import Iterable

from hiper_envs.alfworld.rules.names import join_list
from hiper_envs.alfworld.rules.situation import Situation
from hiper_envs.alfworld.rules.world import World

# The first row whose three marks are all on the object decides (alfred.twl2, examineObject.feedback).
TREATMENTS = (
    (("clean", "hot", "sliced"), "This is a hot and clean sliced {}."),
    (("clean", "cool", "sliced"), "This is a cool and clean sliced {}."),
    (("clean", "sliced"), "This is a clean sliced {}."),
    (("hot", "sliced"), "This is a hot sliced {}."),
    (("cool", "sliced"), "This is a cool sliced {}."),
    (("clean", "hot"), "This is a hot and clean {}."),
    (("clean", "cool"), "This is a cool and clean {}."),
    (("hot",), "This is a hot {}."),
    (("clean",), "This is a clean {}."),
    (("cool",), "This is a cold {}."),
)


def list_objects(world: World, objects: Iterable[int]) -> str:
    """Return 'a mug 2, and a plate 1', or 'nothing'."""
    names = world.objects
    return join_list(["a " + names[entity] for entity in objects])


def describe_receptacle(world: World, situation: Situation, receptacle: int) -> str:
    """Return what is seen on or in a receptacle.

    Args:
        world: What never changes in the game.
        situation: What is so now.
        receptacle: Its entity's number.
    """
    name = world.receptacles[receptacle]
    if not world.openable >> receptacle & 1:
        return f"On the {name}, you see {list_objects(world, situation.contents[receptacle])}."
    if situation.opened >> receptacle & 1:
        return f"The {name} is open. In it, you see {list_objects(world, situation.contents[receptacle])}."
    return f"The {name} is closed."


def describe_object(world: World, situation: Situation, entity: int) -> str:
    """Return what is seen of an object in hand.

    Args:
        world: What never changes in the game.
        situation: What is so now.
        entity: The object's number.
    """
    name = world.objects[entity]
    if world.boxes >> entity & 1:
        return f"This is a normal {name}. In it, you see {list_objects(world, world.inside.get(entity, ()))}."
    for marks, text in TREATMENTS:
        if all(getattr(situation, mark) >> entity & 1 for mark in marks):
            return text.format(name)
    if world.toggleable & situation.toggled & 1 << entity:
        return f"This {name} is on."
    if world.sliceable & situation.sliced & 1 << entity:
        return f"This is a sliced {name}."
    return f"There's nothing special about {name}."


def describe_surroundings(world: World, situation: Situation) -> str:
    """Return what 'look' shows."""
    here = world.here[situation.location]
    if not here:
        return _describe_room("nothing")
    facing = join_list([world.receptacles[receptacle] for receptacle in here])
    floor = [
        entity
        for entity in situation.placed[situation.location]
        for receptacle in here
        if (entity, receptacle) in situation.taken
    ]
    return f"You are facing the {facing}. Next to it, you see {list_objects(world, floor)}."


def describe_start(world: World, situation: Situation) -> str:
    """Return the text that a game begins with."""
    if world.here[situation.location]:
        surroundings = describe_surroundings(world, situation)
    else:
        pairs = zip(world.receptacles, world.places, strict=True)
        surroundings = _describe_room(join_list([f"a {name}" for name, places in pairs for _ in places]))
    return f"-= Welcome to TextWorld, ALFRED! =-\n\n{surroundings}\n\nYour task is to: {world.task}."


def describe_hands(world: World, situation: Situation) -> str:
    """Return what 'inventory' shows."""
    if not situation.hands_full:
        return "You are not carrying anything."
    return f"You are carrying: {list_objects(world, situation.held)}."


def _describe_room(things: str) -> str:
    return f"You are in the middle of a room. Looking quickly around you, you see {things}."
