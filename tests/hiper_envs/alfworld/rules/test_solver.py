"""The solver: plans win, from anywhere, and are as short as a blind search finds them."""

import random
from collections import Counter, deque
from dataclasses import replace
from pathlib import Path

import pytest

from hiper_envs.alfworld.games.problem import Problem, read_game
from hiper_envs.alfworld.generated.generate import generate, task_ids
from hiper_envs.alfworld.generated.tasks import parse_task_id
from hiper_envs.alfworld.rules.commands import list_commands
from hiper_envs.alfworld.rules.engine import Engine
from hiper_envs.alfworld.rules.solver import NoPlanError, solve

MAX_SEARCHED = 20_000
MAX_COMPARED = 5
SMALL_PLANS = (207, 223, 304, 316, 329, 401, 404, 406, 412, 416, 418, 419, 420)


def play(engine: Engine, problem: Problem) -> list[str]:
    """Solve, play the plan, and return it."""
    plan = solve(engine, problem)
    won = engine.is_won()
    for command in plan:
        assert not won
        won = engine.step(command).won
    assert won
    return plan


def wander(engine: Engine, generator: random.Random, num_steps: int) -> None:
    output = engine.reset()
    for _ in range(num_steps):
        output = engine.step(generator.choice(output.admissible))


def is_useful(command: str) -> bool:
    return not command.startswith(("close", "examine", "help", "inventory", "look", "slice"))


def can_win_within(engine: Engine, num_commands: int) -> bool | None:
    """Return whether so many commands can win, by trying all of them; None if they are too many to try."""
    start = engine.get_state()
    queue, seen = deque([(start, 0)]), {start}
    while queue:
        state, depth = queue.popleft()
        engine.set_state(state)
        if engine.is_won():
            return True
        if depth == num_commands:
            continue
        for command in filter(is_useful, list_commands(engine.world, engine)):
            engine.set_state(state)
            engine.step(command)
            following = engine.get_state()
            if following not in seen:
                seen.add(following)
                queue.append((following, depth + 1))
        if len(seen) > MAX_SEARCHED:
            return None
    return False


@pytest.mark.parametrize("split", ["train", "valid_seen", "valid_unseen"])
def test_solves_every_kind_of_generated_game(split: str) -> None:
    for task_id in task_ids(split)[:: 15 if split == "train" else 1]:
        problem = generate(task_id)
        assert len(play(Engine(problem), problem)) <= 11, task_id


def test_solves_from_wherever_one_strays() -> None:
    generator = random.Random(5)
    for task_id in task_ids("train")[::40]:
        problem = generate(task_id)
        engine = Engine(problem)
        wander(engine, generator, 15)
        assert len(play(engine, problem)) <= 14, task_id


def test_solves_the_recorded_games(shared: Path) -> None:
    files = sorted((shared / "gold/alfworld/games").glob("*.gz"))
    assert len(files) == 30
    for file in files:
        for wording in ("move", "put"):
            problem = replace(read_game(file), grammar=wording)
            play(Engine(problem), problem)


@pytest.mark.slow
def test_plans_are_as_short_as_can_be() -> None:
    generator, compared = random.Random(2), Counter[str]()
    rooms = [task for task in map(parse_task_id, task_ids("train")) if task.floor_plan in SMALL_PLANS]
    for task in rooms[::5]:
        problem = generate(task.id)
        engine = Engine(problem)
        wander(engine, generator, generator.randrange(10))
        for command in solve(engine, problem)[:-MAX_COMPARED]:
            engine.step(command)
        start, plan = engine.get_state(), solve(engine, problem)
        can_be_shorter = can_win_within(engine, len(plan) - 1)
        assert not can_be_shorter, (task.id, plan)
        if can_be_shorter is False:
            engine.set_state(start)
            assert len(play(engine, problem)) == len(plan)
            compared[task.kind] += 1
    assert min(compared[kind] for kind in ("pick", "clean", "pick_two", "look_at")) >= 3, compared


def test_leaves_the_engine_as_it_is() -> None:
    problem = generate(task_ids("train")[7])
    engine = Engine(problem)
    engine.reset()
    before = engine.get_state()
    assert solve(engine, problem)
    assert engine.get_state() == before


def test_a_won_game_needs_no_commands() -> None:
    problem = generate(task_ids("train")[7])
    engine = Engine(problem)
    play(engine, problem)
    assert solve(engine, problem) == []


def test_a_thing_that_fits_nowhere_ends_all_plans() -> None:
    problem = generate(task_ids("train")[7])
    goal = f"{problem.goal.object_type}_bar_"
    other = next(name for name, kind in problem.entities.items() if kind == "object" and not name.startswith(goal))
    stuck = (("holds", "agent1", other), ("holdsAny", "agent1"))
    facts = tuple(fact for fact in problem.facts if fact[0] not in ("canContain",)) + stuck
    broken = replace(problem, facts=facts)
    with pytest.raises(NoPlanError, match="can no longer be won from this state"):
        solve(Engine(broken), broken)
