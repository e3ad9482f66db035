"""Problems of several goals: what is written for the official engine, when they are won, and how they are planned."""

import random
from dataclasses import replace

import pytest

from hiper_envs.alfworld.games.goals import Goal, write_goal
from hiper_envs.alfworld.generated.generate import generate, task_ids
from hiper_envs.alfworld.official.engine import OfficialEngine
from hiper_envs.alfworld.rules.engine import Engine
from hiper_envs.alfworld.rules.solver import NoPlanError, find_plan, find_plan_in_order, solve
from tests.hiper_envs.alfworld.handmade import bedroom
from tests.hiper_envs.alfworld.lockstep import compare
from tests.hiper_envs.alfworld.official.marks import needs_official

MUG, BOOK = Goal("pick", "Mug", "Drawer"), Goal("look_at", "Book", None)
SEVERAL = bedroom(MUG, more_goals=(BOOK,), task="do all of these: put a mug in drawer; look at book under the desklamp")


def test_a_problem_with_one_goal_is_what_it_was() -> None:
    assert bedroom(MUG).goals == (MUG,) and SEVERAL.goals == (MUG, BOOK)
    assert write_goal(MUG, BOOK) == f"(and {write_goal(MUG)[5:-1]} {write_goal(BOOK)[5:-1]})"


def test_all_goals_hold_at_once() -> None:
    """A mug lies in the drawer from the start."""
    engine = Engine(SEVERAL)
    assert not engine.reset().won and [engine.satisfies(goal) for goal in engine.world.conditions] == [True, False]
    for command in ("go to drawer 1", "open drawer 1", "take mug 1 from drawer 1", "go to desk 1", "use desklamp 1"):
        assert not engine.step(command).won
    assert not any(engine.satisfies(goal) for goal in engine.world.conditions)
    plan = solve(engine, SEVERAL)
    wins = [engine.step(command).won for command in plan]
    assert wins == [False] * (len(plan) - 1) + [True], "the look at the book, with it in hand, comes last"


def test_goals_in_order_may_undo_each_other() -> None:
    engine = Engine(replace(SEVERAL, goal=BOOK, more_goals=(Goal("pick", "Book", "Drawer"),)))
    before = engine.get_state()
    with pytest.raises(NoPlanError):
        solve(engine, engine.problem)
    assert engine.get_state() == before and find_plan(engine) == []
    plan = find_plan_in_order(engine, 0)
    assert engine.get_state() == before
    held = []
    for command in plan:
        engine.step(command)
        held.append([engine.satisfies(goal) for goal in engine.world.conditions])
    assert [True, False] in held and held[-1] == [False, True]
    assert find_plan_in_order(engine, 2) == [] == find_plan_in_order(engine, 1)


def test_an_order_that_cannot_be_kept_has_no_plan() -> None:
    engine = Engine(bedroom(MUG, more_goals=(Goal("pick", "Book", "Fridge"),)))
    assert find_plan_in_order(engine, 0) == []


@needs_official
def test_the_official_engine_plays_several_goals_alike() -> None:
    rng = random.Random(0)
    bathroom = next(task for task in task_ids("train") if "-42" in task)
    things = ("SoapBottle", "Cloth", "Candle", "SprayBottle", "ToiletPaper", "SoapBar")
    further = tuple(Goal("pick", thing, place) for thing in things for place in ("CounterTop", "Toilet"))
    problem = replace(generate(bathroom), more_goals=further[:5], task="do all of these: one; two; three")
    for each in (SEVERAL, problem):
        fast, official = Engine(each), OfficialEngine(each)
        output = official.reset()
        compare(output, fast.reset(), "reset")
        assert output.text.endswith(f"Your task is to: {each.task}.") and official.task == each.task
        plan = find_plan(fast)
        for command in [*(rng.choice(output.admissible) for _ in range(3)), *plan]:
            compare(official.step(command), fast.step(command), command)
        official.close()
