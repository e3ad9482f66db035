"""Which goals a house is asked for: the same in any process, sensible, and within reach together."""

import os
import random
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiper_envs.alfworld.games.goals import Goal
from hiper_envs.alfworld.games.problem import Problem, read_game
from hiper_envs.alfworld.generated.generate import generate, task_ids
from hiper_envs.alfworld.generated.tables import load_types
from hiper_envs.alfworld.generated.tasks import LIGHT_OBJECTS, NO_GOALS, NO_PAIRS, TOOLS
from hiper_envs.alfworld.long.draw import Task, draw_tasks
from hiper_envs.alfworld.long.games import MAX_GOALS, LongProblem
from hiper_envs.alfworld.reading import read_request
from hiper_envs.alfworld.rules.engine import Engine
from hiper_envs.alfworld.rules.solver import find_plan_in_order, solve
from tests.hiper_envs.alfworld.handmade import bedroom
from tests.hiper_envs.alfworld.odd_games import disturb, shrink
from tests.hiper_envs.alfworld.real_games import list_games

IDS = [task for split in ("train", "valid_seen", "valid_unseen") for task in task_ids(split)]
NUM_SHORT = {"valid_seen": {6: 4, 7: 10, 8: 126}, "valid_unseen": {6: 2, 7: 19, 8: 113}}
"""Split -> number of goals that a house has at the most -> such houses."""


def lengthen(problem: Problem, tasks: list[Task]) -> Problem:
    return replace(problem, more_goals=tuple(task.goal for task in tasks[1:]), task=f"{len(tasks)} goals")


def check_tasks(problem: Problem, task_id: str, tasks: list[Task]) -> None:
    """Check goals by the game's own facts, as a second derivation."""
    assert tasks[0] == Task(problem.goal, problem.task)
    facts = set(problem.facts)
    types = {fact[1]: fact[2].removesuffix("Type") for fact in facts if fact[0] == "objectType"}
    furniture = {fact[1]: fact[2].removesuffix("Type") for fact in facts if fact[0] == "receptacleType"}
    places = {fact[1]: fact[2] for fact in facts if fact[0] == "inReceptacle"}
    names = [task.goal.object_type for task in tasks]
    assert len(set(names)) == len(names), (task_id, names)
    assert sum(task.goal.kind == "look_at" for task in tasks) <= 1
    for goal, sentence in [(task.goal, task.sentence) for task in tasks[1:]]:
        kind, ability = goal.kind, {"clean": "cleanable", "heat": "heatable", "cool": "coolable"}.get(goal.kind)
        things = [name for name in types if types[name] == goal.object_type and name in places]
        things = [name for name in things if ("pickupable", name) in facts]
        assert len(things) >= (2 if kind == "pick_two" else 1)
        assert ability is None or any((ability, name) in facts for name in things)
        request = read_request(sentence)
        place = goal.receptacle_type or goal.lamp_type or ""
        assert (request.kind, request.thing, request.place) == (kind, goal.object_type.lower(), place.lower())
        assert sentence.split()[0] in {template.split()[0] for template in load_types().goals[kind]}
        if kind == "look_at":
            assert goal.object_type in LIGHT_OBJECTS and "DeskLamp" in types.values()
            continue
        assert ("canContain", f"{place}Type", f"{goal.object_type}Type") in facts and place in furniture.values()
        assert place not in NO_GOALS and place != TOOLS.get(kind)
        assert kind not in TOOLS or TOOLS[kind] in furniture.values()
        assert not (kind == "pick_two" and place in NO_PAIRS) and not (kind == "pick" and place == "CoffeeMachine")
        there = Counter(places[name] for name in things if furniture.get(places[name]) == place)
        assert ability is not None or max(there.values(), default=0) < (2 if kind == "pick_two" else 1)


def check_within_reach(problem: Problem, tasks: list[Task]) -> None:
    """Play both plans: all at once, and one goal after the other."""
    engine = Engine(lengthen(problem, tasks))
    assert not any(map(engine.satisfies, engine.world.conditions))
    in_order, due = find_plan_in_order(engine, 0), 0
    plan = solve(engine, engine.problem)
    assert len(plan) <= 11 * len(tasks) and len(in_order) <= 12 * len(tasks)
    wins = [engine.step(command).won for command in plan]
    assert wins == [False] * (len(plan) - 1) + [True]
    engine.reset()
    for command in in_order:
        engine.step(command)
        while due < len(tasks) and engine.satisfies(engine.world.conditions[due]):
            due += 1
    assert due == len(tasks)


@settings(max_examples=60)
@given(task_id=st.sampled_from(IDS), num_goals=st.integers(1, MAX_GOALS))
def test_goals_make_sense_and_can_be_reached(task_id: str, num_goals: int) -> None:
    problem = generate(task_id)
    tasks = draw_tasks(problem, task_id, num_goals)
    check_tasks(problem, task_id, tasks)
    check_within_reach(problem, tasks)
    assert draw_tasks(problem, task_id, num_goals) == tasks
    assert draw_tasks(problem, task_id, MAX_GOALS)[:num_goals] == tasks
    assert len(tasks) == num_goals or num_goals > 4


@pytest.mark.slow
@pytest.mark.parametrize("split", NUM_SHORT)
def test_all_houses_of_the_evaluation_splits(split: str) -> None:
    counts: Counter[int] = Counter()
    for task_id in task_ids(split):
        problem = generate(task_id)
        tasks = draw_tasks(problem, task_id, MAX_GOALS)
        check_tasks(problem, task_id, tasks)
        check_within_reach(problem, tasks)
        counts[len(tasks)] += 1
    assert counts == NUM_SHORT[split]


@pytest.mark.slow
@pytest.mark.parametrize("split", ["train", "valid_seen", "valid_unseen"])
def test_released_games_are_drawn_for_alike(shared: Path, split: str) -> None:
    for file in list_games(shared, split)[::10]:
        problem = read_game(file)
        tasks = draw_tasks(problem, file.parent.name, MAX_GOALS)
        assert len(tasks) >= 5
        check_tasks(problem, file.parent.name, tasks)
        check_within_reach(problem, tasks)


def test_kinds_are_drawn_evenly() -> None:
    """Of the second goal, in kitchens, where all kinds are possible but the look under a lamp."""
    kitchens = [task for task in task_ids("train") if int(task.split("-")[-1].split("/")[0]) <= 30]
    kinds = Counter(draw_tasks(generate(task), task, 2)[1].goal.kind for task in kitchens[:200])
    assert set(kinds) == {"pick", "clean", "heat", "cool", "pick_two"}
    assert min(kinds.values()) > 25, kinds


PRINT = """
from hiper_envs.alfworld.generated.generate import generate, task_ids
from hiper_envs.alfworld.long.draw import draw_tasks
for task in task_ids("train")[:5]:
    print(draw_tasks(generate(task), task, 8))
"""


def test_draws_are_the_same_in_any_process() -> None:
    environments = [{**os.environ, "PYTHONHASHSEED": seed} for seed in ("0", "1")]
    outputs = [subprocess.run([sys.executable, "-c", PRINT], env=each, capture_output=True) for each in environments]
    assert outputs[0].stdout == outputs[1].stdout and outputs[0].stdout.count(b"Task(") > 30


def test_a_house_of_its_own_id_has_its_own_goals() -> None:
    problem = generate(task_ids("train")[0])
    draws = {tuple(task.goal for task in draw_tasks(problem, f"game {number}", 4)) for number in range(8)}
    assert len(draws) > 4


def test_a_game_that_is_won_or_lost_at_the_start_has_its_own_goal_only() -> None:
    for goal in (Goal("pick", "Mug", "Drawer"), Goal("pick", "Mug", "Fridge")):
        assert [task.goal for task in draw_tasks(bedroom(goal), "bedroom", 8)] == [goal]
    book = Goal("pick", "Book", "Drawer")
    assert [task.goal.object_type for task in draw_tasks(bedroom(book), "bedroom", 8)] == ["Book", "Mug"]


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6))
def test_odd_games_are_drawn_for_without_an_error(seed: int) -> None:
    """Things in two places or of two types, full hands, doors that stand open: what is drawn can be reached."""
    rng = random.Random(seed)
    problem = generate(rng.choice(IDS))
    problem = disturb(shrink(problem, rng, rng.randint(5, 10), rng.randint(6, 14)), rng, rng.choice((0, 1, 2, 4, 8)))
    tasks = draw_tasks(problem, str(seed), MAX_GOALS)
    assert tasks[0].goal == problem.goal
    if len(tasks) > 1:
        engine = Engine(lengthen(problem, tasks))
        assert not any(map(engine.satisfies, engine.world.conditions)) and find_plan_in_order(engine, 0)
        for command in solve(engine, engine.problem):
            engine.step(command)
        assert engine.is_won()


def test_problems_with_other_sentences_are_told_apart() -> None:
    problem = generate(IDS[0])
    fields = {name: getattr(problem, name) for name in problem.__dataclass_fields__}
    long = LongProblem(**fields, sentences=(problem.task,))
    assert hash(long) == hash(problem) and replace(long, task="another") != long and long.goals == (problem.goal,)
