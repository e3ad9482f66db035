"""The fast engine against recorded walks, and its own promises about states."""

import gc
import gzip
import json
import pickle
import random
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hiper_envs.alfworld.games.goals import Goal
from hiper_envs.alfworld.games.problem import read_game
from hiper_envs.alfworld.rules.engine import NOTHING_HAPPENS, Engine
from tests.hiper_envs.alfworld.handmade import AT_DESK, BOOK, DESK, DRAWER, FIRST_MUG, LAMP, SECOND_MUG, bedroom

# The predicates that commands change and that have any effect on an answer.
STATE_PREDICATES = {
    "atlocation",
    "holds",
    "holdsany",
    "inreceptacle",
    "isclean",
    "iscool",
    "ishot",
    "issliced",
    "istoggled",
    "not_inreceptacle",
    "objectatlocation",
    "opened",
}


def read_lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def list_facts(engine: Engine) -> set[str]:
    """The engine's state in the planner's words."""
    world = engine.world
    ids = sorted({fact[-1].lower() for fact in engine.problem.facts if fact[0].lower().endswith("atlocation")})
    things, places = world.object_ids, world.receptacle_ids
    found = {f"atlocation(agent1,{ids[engine.location]})"}
    found |= {f"holds(agent1,{things[entity]})" for entity in engine.held}
    found |= {"holdsany(agent1)"} if engine.hands_full else set()
    found |= {f"inreceptacle({things[e]},{places[r]})" for r, inside in enumerate(engine.contents) for e in inside}
    found |= {f"not_inreceptacle({things[e]},{places[r]})" for e, r in engine.taken}
    found |= {f"objectatlocation({things[e]},{ids[p]})" for p, there in enumerate(engine.placed) for e in there}
    marks = (
        ("isclean", "clean"),
        ("ishot", "hot"),
        ("iscool", "cool"),
        ("issliced", "sliced"),
        ("istoggled", "toggled"),
    )
    for predicate, mark in marks:
        found |= {f"{predicate}({name})" for i, name in enumerate(things) if getattr(engine, mark) >> i & 1}
    return found | {f"opened({name})" for i, name in enumerate(places) if engine.opened >> i & 1}


def changing(facts: list[str]) -> set[str]:
    return {fact for fact in facts if fact.partition("(")[0] in STATE_PREDICATES}


@pytest.mark.slow
def test_every_recorded_answer_and_fact_is_identical(shared: Path) -> None:
    folder = shared / "gold" / "alfworld"
    walks = sorted((folder / "walks").glob("*.jsonl.gz"))
    assert len(walks) > 40
    for path in walks:
        game, *lines = read_lines(path)
        engine = Engine(read_game(folder / game["game"]))
        facts: set[str] = set()
        for line in lines:
            if line["kind"] == "game":
                continue
            if line["kind"] == "reset":
                output, facts = engine.reset(), changing(line["facts"])
            else:
                output = engine.step(line["cmd"])
                facts = (facts | changing(line["add"])) - changing(line["del"])
                assert line["score"] == int(output.won)
            expected = (line["feedback"], line["adm"], line["won"])
            assert tuple(output) == expected, f"{path.name}: {line['cmd']}"
            assert list_facts(engine) == facts, f"{path.name}: {line['cmd']}"


def walk(engine: Engine, rng: random.Random, num_steps: int) -> Iterator[list[str]]:
    admissible = engine.reset().admissible
    for _ in range(num_steps):
        yield admissible
        admissible = engine.step(rng.choice(admissible)).admissible


def test_admissible_commands_are_exactly_those_that_do_something() -> None:
    engine = Engine(bedroom())
    tried = {
        "look",
        "examine mug 3",
        "put mug 1 in/on desk 1",
        "take desklamp 1 from desk 1",
        "move book 1 to drawer 1",
    }
    for admissible in walk(engine, random.Random(3), 300):
        tried |= set(admissible)
        state = engine.get_state()
        for command in sorted(tried):
            answered = engine.step(command).text != NOTHING_HAPPENS
            engine.set_state(state)
            assert answered == (command in admissible), command


def test_state_is_a_value_and_brings_everything_back() -> None:
    engine, other = Engine(bedroom()), Engine(bedroom())
    for admissible in walk(engine, random.Random(5), 60):
        state = engine.get_state()
        copy = pickle.loads(pickle.dumps(state))
        assert copy == state and hash(copy) == hash(state)
        other.set_state(copy)
        for command in admissible:
            assert other.step(command) == engine.step(command)
            engine.set_state(state)
            other.set_state(state)


def test_steps_leave_earlier_states_alone() -> None:
    engine = Engine(bedroom())
    states = [(engine.get_state(), repr(engine.get_state())) for _ in walk(engine, random.Random(1), 80)]
    assert all(repr(state) == text for state, text in states)


def test_state_of_another_game_is_refused(shared: Path) -> None:
    game = next((shared / "gold" / "alfworld" / "games").glob("*.gz"))
    with pytest.raises(ValueError, match="another game"):
        Engine(bedroom()).set_state(Engine(read_game(game)).get_state())


def test_engines_of_a_game_share_its_world() -> None:
    problem = bedroom()
    assert Engine(problem).world is Engine(problem).world
    assert Engine(problem, name_seed=1).world is not Engine(problem).world


def test_engines_and_games_are_freed_without_the_collector() -> None:
    engine = Engine(bedroom())
    engine.reset()
    engine.step("go to desk 1")
    references = [weakref.ref(thing) for thing in (engine, engine.problem)]
    gc.disable()
    try:
        del engine
        assert [reference() for reference in references] == [None, None]
    finally:
        gc.enable()


def test_goal_can_cease_to_hold() -> None:
    engine = Engine(bedroom())
    engine.reset()
    engine.step("go to drawer 1")
    assert engine.step("open drawer 1").won, "a mug lies in the drawer from the start"
    assert not engine.step("take mug 1 from drawer 1").won
    assert engine.step("move mug 1 to drawer 1").won


def test_two_objects_must_lie_in_the_same_receptacle() -> None:
    engine = Engine(bedroom(Goal("pick_two", "Mug", "Drawer")))
    for command in ("go to desk 1", "take mug 2 from desk 1", "go to drawer 1", "open drawer 1"):
        assert not engine.step(command).won
    assert engine.step("move mug 2 to drawer 1").won


def test_look_at_needs_object_in_hand_and_lamp_in_any_order() -> None:
    goal = Goal("look_at", "Book", None)
    assert goal.lamp_type == "DeskLamp"
    for commands in (["use desklamp 1", "take book 1 from desk 1"], ["take book 1 from desk 1", "use desklamp 1"]):
        engine = Engine(bedroom(goal))
        engine.step("go to desk 1")
        assert [engine.step(command).won for command in commands] == [False, True]
        assert not engine.step("go to drawer 1").won
        assert engine.step("go to desk 1").won


def test_receptacle_in_two_places() -> None:
    """'go to' leads to the first of its other places in the order of ids; it is listed once a place."""
    engine = Engine(bedroom(more=(("receptacleAtLocation", DRAWER, AT_DESK),)))
    assert "a desk 1, a drawer 1, and a drawer 1." in engine.reset().text
    engine.step("go to drawer 1")
    assert engine.step("look").text.startswith("You are facing the desk 1, and drawer 1.")
    assert "go to drawer 1" in engine.step("go to drawer 1").admissible
    assert engine.step("look").text.startswith("You are facing the drawer 1.")


def test_object_in_two_receptacles_is_listed_where_it_stayed() -> None:
    engine = Engine(bedroom(more=(("inReceptacle", BOOK, DRAWER),)))
    engine.step("go to desk 1")
    engine.step("take book 1 from desk 1")
    engine.step("go to drawer 1")
    assert "a book 1" in engine.step("open drawer 1").text


def test_floor_lists_what_was_taken_from_another_receptacle_here() -> None:
    engine = Engine(bedroom(more=(("receptacleAtLocation", DRAWER, AT_DESK), ("opened", DRAWER))))
    for command in ("go to desk 1", "take mug 2 from desk 1", "move mug 2 to drawer 1"):
        engine.step(command)
    assert engine.step("look").text.endswith("Next to it, you see a mug 2.")


def test_old_wording() -> None:
    engine = Engine(bedroom(grammar="put", help_text=None))
    assert "help" not in engine.reset().admissible
    assert engine.step("go to desk 1").text.startswith("You arrive at loc 3. On the desk 1,")
    assert "put book 1 in/on desk 1" in engine.step("take book 1 from desk 1").admissible
    assert engine.step("move book 1 to desk 1").text == NOTHING_HAPPENS
    assert engine.step("put book 1 in/on desk 1").text == "You put the book 1 in/on the desk 1."


@pytest.mark.parametrize(
    ("marks", "text"),
    [
        ((("isHot", BOOK), ("isClean", BOOK)), "This is a hot and clean book 1."),
        ((("isCool", BOOK),), "This is a cold book 1."),
        ((("isReceptacleObject", BOOK), ("isHot", BOOK)), "This is a normal book 1. In it, you see nothing."),
        ((("isReceptacleObject", BOOK), ("inReceptacleObject", LAMP, BOOK)), "In it, you see a desklamp 1."),
        ((("sliceable", BOOK), ("isSliced", BOOK)), "This is a sliced book 1."),
        ((("isSliced", BOOK),), "There's nothing special about book 1."),
    ],
)
def test_examined_object(marks: tuple[tuple[str, ...], ...], text: str) -> None:
    engine = Engine(bedroom(more=marks))
    engine.step("go to desk 1")
    engine.step("take book 1 from desk 1")
    assert engine.step("examine book 1").text.endswith(text)


def test_names_can_be_dealt_out_by_seed() -> None:
    problem = bedroom(more=tuple(("objectType", f"Mug_bar_{i}", "MugType") for i in range(3, 9)), entities=MANY_MUGS)
    orders = {Engine(problem, name_seed=seed).world.objects for seed in range(20)}
    assert len(orders) > 10
    assert all(sorted(order) == sorted(Engine(problem).world.objects) for order in orders)
    assert Engine(problem, name_seed=3).world.objects == Engine(problem, name_seed=3).world.objects


MANY_MUGS = {**bedroom().entities, **{f"Mug_bar_{i}": "object" for i in range(3, 9)}}


def test_outer_space_is_stripped_and_nothing_else() -> None:
    engine = Engine(bedroom())
    assert engine.step(" \tgo to desk 1\n").text.startswith("You arrive")
    for command in ("Look", "go  to drawer 1", "go to drawer", "go to drawer 1.", "look around", "", "é"):
        assert engine.step(command).text == NOTHING_HAPPENS


def test_first_name_in_order_has_the_highest_number() -> None:
    engine = Engine(bedroom())
    ids = {FIRST_MUG.lower(): "mug 2", SECOND_MUG.lower(): "mug 1", DESK.lower(): "desk 1"}
    world = engine.world
    names = dict(zip(world.object_ids + world.receptacle_ids, world.objects + world.receptacles, strict=True))
    assert {entity: names[entity] for entity in ids} == ids
