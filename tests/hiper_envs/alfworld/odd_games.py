"""Games that no generator would make: real ones shrunk, then disturbed in their first facts, goal and wording."""

import random
from collections.abc import Callable
from dataclasses import replace

from hiper_envs.alfworld.games.goals import Goal, GoalKind
from hiper_envs.alfworld.games.grammar import HELP_TEXT
from hiper_envs.alfworld.games.problem import Problem

Fact = tuple[str, ...]
Facts = list[Fact]
Change = Callable[[Problem, Facts, random.Random], None]

OBJECT_MARKS = ("isClean", "isHot", "isCool", "isSliced", "isToggled", "isOn", "isReceptacleObject", "pickupable")
ABILITIES = ("cleanable", "heatable", "coolable", "toggleable", "sliceable", "pickupable", "moveable")
GOAL_KINDS: tuple[GoalKind, ...] = ("pick", "clean", "heat", "cool", "pick_two", "look_at")


TOOLS = {"clean": "SinkBasinType", "heat": "MicrowaveType", "cool": "FridgeType", "look_at": "DeskLampType"}
NEEDS = {"clean": "cleanable", "heat": "heatable", "cool": "coolable"}


def find_homes(problem: Problem, objects: list[str]) -> list[str]:
    """Return the receptacles that two of these objects lie in."""
    homes = [fact[2] for fact in problem.facts if fact[0] == "inReceptacle" and fact[1] in objects]
    return homes[:2]


def shrink(problem: Problem, rng: random.Random, receptacles: int = 8, objects: int = 12) -> Problem:
    """Keep a few receptacles and objects, those that matter to the goal among them."""
    goal = problem.goal
    ranks = {TOOLS.get(goal.kind, ""): 0, f"{goal.object_type}Type": 0, f"{goal.receptacle_type}Type": 0}
    ranks |= {kind: 1 for kind in (*TOOLS.values(), "KnifeType", "ButterKnifeType") if kind not in ranks}
    rank = {fact[1]: ranks[fact[2]] for fact in problem.facts if fact[0].endswith("Type") and fact[2] in ranks}
    rank = {**rank, **{box: 0 for box in find_homes(problem, [name for name in rank if rank[name] == 0])}}
    kept: set[str] = set()
    for kind, count in (("receptacle", receptacles), ("object", objects)):
        names = [name for name, found in problem.entities.items() if found == kind]
        rng.shuffle(names)
        names.sort(key=lambda name: rank.get(name, 2))
        kept.update(names[:count])
    others = {name for name, kind in problem.entities.items() if kind not in ("receptacle", "object")}
    facts = tuple(fact for fact in problem.facts if all(word in kept or word in others for word in fact[1:]))
    entities = {name: kind for name, kind in problem.entities.items() if name in kept or name in others}
    return replace(problem, entities=entities, facts=facts)


def disturb(problem: Problem, rng: random.Random, num_changes: int) -> Problem:
    """Apply some of the changes below, chosen at random."""
    facts = list(problem.facts)
    for _ in range(num_changes):
        rng.choice(CHANGES)(problem, facts, rng)
    grammar, help_text = rng.choice([("move", HELP_TEXT), ("move", HELP_TEXT), ("put", None), ("put", HELP_TEXT)])
    goal = problem.goal if rng.random() < 0.6 else choose_goal(problem, facts, rng)
    return replace(
        problem,
        facts=tuple(dict.fromkeys(facts)),
        goal=goal,
        grammar=grammar,  # type: ignore[arg-type]
        help_text=help_text,
    )


def choose_goal(problem: Problem, facts: Facts, rng: random.Random) -> Goal:
    """Return another goal that the game may allow; the game's own if none is found."""
    types = {fact[1]: fact[2] for fact in facts if fact[0] == "objectType"}
    given = set(facts)
    fitting = {fact[1:] for fact in facts if fact[0] == "canContain"}
    tools = {fact[2] for fact in facts if fact[0].endswith("Type")}
    lying = {fact[1] for fact in facts if fact[0] == "inReceptacle"}
    places = [fact[2] for fact in facts if fact[0] == "receptacleType"]
    for _ in range(50 if types and places else 0):
        kind = rng.choice(GOAL_KINDS)
        entity, place = rng.choice(sorted(types)), rng.choice(places)
        needs = NEEDS.get(kind, "pickupable")
        if entity not in lying or TOOLS.get(kind, place) not in tools or (needs, entity) not in given:
            continue
        name = types[entity].removesuffix("Type")
        if kind == "look_at":
            return Goal(kind, name, None)
        if (place, types[entity]) in fitting:
            return Goal(kind, name, place.removesuffix("Type"))
    return problem.goal


def pick(problem: Problem, kind: str, rng: random.Random) -> str:
    return rng.choice([name for name, found in problem.entities.items() if found == kind])


def drop(facts: Facts, predicate: str, rng: random.Random) -> None:
    found = [fact for fact in facts if fact[0] == predicate]
    if found:
        facts.remove(rng.choice(found))


def move_start(problem: Problem, facts: Facts, rng: random.Random) -> None:
    places = [fact[2] for fact in facts if fact[0] == "receptacleAtLocation"]
    facts[:] = [fact for fact in facts if fact[0] != "atLocation"]
    facts.append(("atLocation", "agent1", rng.choice([*places, pick(problem, "location", rng)])))


def hold(problem: Problem, facts: Facts, rng: random.Random) -> None:
    entity = pick(problem, "object", rng)
    if rng.random() < 0.7:
        facts[:] = [fact for fact in facts if fact[:2] != ("inReceptacle", entity)]
    if rng.random() < 0.9:
        facts.append(("holds", "agent1", entity))
    if rng.random() < 0.9:
        facts.append(("holdsAny", "agent1"))


def put_elsewhere_too(problem: Problem, facts: Facts, rng: random.Random) -> None:
    facts.append(("inReceptacle", pick(problem, "object", rng), pick(problem, "receptacle", rng)))


def place_receptacle(problem: Problem, facts: Facts, rng: random.Random) -> None:
    places = [fact[2] for fact in facts if fact[0] == "receptacleAtLocation"]
    place = rng.choice([*places, pick(problem, "location", rng)])
    facts.append(("receptacleAtLocation", pick(problem, "receptacle", rng), place))


def gather(problem: Problem, facts: Facts, rng: random.Random) -> None:
    """Bring about half of the receptacles to one place."""
    place = pick(problem, "location", rng)
    for index, fact in enumerate(facts):
        if fact[0] == "receptacleAtLocation" and rng.random() < 0.5:
            facts[index] = (fact[0], fact[1], place)


def place_object(problem: Problem, facts: Facts, rng: random.Random) -> None:
    places = [fact[2] for fact in facts if fact[0] == "receptacleAtLocation"]
    place = rng.choice([*places, pick(problem, "location", rng)])
    facts.append(("objectAtLocation", pick(problem, "object", rng), place))


def mark_object(problem: Problem, facts: Facts, rng: random.Random) -> None:
    facts.append((rng.choice(OBJECT_MARKS + ABILITIES), pick(problem, "object", rng)))


def mark_receptacle(problem: Problem, facts: Facts, rng: random.Random) -> None:
    facts.append((rng.choice(["opened", "opened", "openable", "checked", "full"]), pick(problem, "receptacle", rng)))


def nest(problem: Problem, facts: Facts, rng: random.Random) -> None:
    box = pick(problem, "object", rng)
    facts.append(("inReceptacleObject", pick(problem, "object", rng), box))
    if rng.random() < 0.7:
        facts.append(("isReceptacleObject", box))


def retype(problem: Problem, facts: Facts, rng: random.Random) -> None:
    kind, predicate = rng.choice([("object", "objectType"), ("receptacle", "receptacleType")])
    facts.append((predicate, pick(problem, kind, rng), pick(problem, predicate[0] + "type", rng)))


def allow(problem: Problem, facts: Facts, rng: random.Random) -> None:
    facts.append(("canContain", pick(problem, "rtype", rng), pick(problem, "otype", rng)))


def mention(problem: Problem, facts: Facts, rng: random.Random) -> None:
    facts.append(("examined", pick(problem, "location", rng)))
    facts.append(("wasInReceptacle", pick(problem, "object", rng), pick(problem, "receptacle", rng)))


def forget(problem: Problem, facts: Facts, rng: random.Random) -> None:
    predicates = ("inReceptacle", "objectAtLocation", "receptacleAtLocation", "objectType", "receptacleType")
    drop(facts, rng.choice((*predicates, *ABILITIES, "openable", "canContain")), rng)


CHANGES: tuple[Change, ...] = (
    move_start,
    hold,
    put_elsewhere_too,
    place_receptacle,
    gather,
    gather,
    place_object,
    mark_object,
    mark_object,
    mark_receptacle,
    nest,
    retype,
    allow,
    mention,
    forget,
    forget,
)
