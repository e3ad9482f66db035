"""The released games: all of them load, and say what published runs on them say."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from hiper_envs.alfworld.games.problem import Problem, read_game
from hiper_envs.alfworld.rules.engine import Engine
from hiper_envs.alfworld.rules.solver import solve
from tests.hiper_envs.alfworld.handmade import washroom
from tests.hiper_envs.alfworld.real_games import list_games, read_published_runs

WELCOME = "-= Welcome to TextWorld, ALFRED! =-"
ARRIVAL = re.compile(r"You arrive at loc \d+\.")


def turn_old(problem: Problem) -> Problem:
    """The same game in the wording of before 2024."""
    return replace(problem, grammar="put", help_text=None)


@pytest.mark.parametrize(("split", "count"), [("train", 200), ("valid_seen", 140), ("valid_unseen", 134)])
def test_all_released_games_load_and_can_be_won(shared: Path, split: str, count: int) -> None:
    files = list_games(shared, split)
    assert len(files) == count
    for file in files:
        problem = read_game(file)
        engine = Engine(problem)
        for command in solve(engine, problem):
            output = engine.step(command)
        assert output.won, file


def test_published_runs_say_the_same(shared: Path) -> None:
    files = {f"{file.parent.parent.name}/{file.parent.name}": file for file in list_games(shared, "valid_unseen")}
    num_answers = 0
    for run in read_published_runs(shared):
        engine = Engine(turn_old(read_game(files[run["task"]])))
        intro = engine.reset().text.removeprefix(WELCOME).strip().replace("\n\n", "\n")
        assert intro == run["intro"]
        for command, answer in run["steps"]:
            assert ARRIVAL.sub("You arrive at the location.", engine.step(command).text) == answer, (
                run["task"],
                command,
            )
            num_answers += 1
    assert num_answers == 1456


@pytest.mark.parametrize(("sink_types", "is_clean"), [(("sinkbasin",), False), (("sinkbasin", "sink"), True)])
def test_a_sink_cleans_where_the_domain_says_so(sink_types: tuple[str, ...], is_clean: bool) -> None:
    engine = Engine(washroom(sink_types))
    for command in ("go to sink 1", "take mug 1 from sink 1"):
        engine.step(command)
    output = engine.step("clean mug 1 with sink 1")
    assert output.text == ("You clean the mug 1 using the sink 1." if is_clean else "Nothing happens.")
    assert ("clean mug 1 with sink 1" in output.admissible) == is_clean
