"""The released games on both engines in lock-step: some of them here, all of them with `make fuzz`."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from hiper_envs.alfworld.games.problem import Problem, read_game
from hiper_envs.alfworld.official.engine import OfficialEngine, write_official_game
from hiper_envs.alfworld.rules.engine import Engine
from tests.hiper_envs.alfworld.handmade import washroom
from tests.hiper_envs.alfworld.lockstep import compare, walk_both, walk_file
from tests.hiper_envs.alfworld.official.marks import needs_official
from tests.hiper_envs.alfworld.real_games import list_games

pytestmark = needs_official
SPLITS = ("train", "valid_seen", "valid_unseen")


@pytest.mark.slow
@pytest.mark.parametrize("split", SPLITS)
def test_engines_agree_on_released_games(shared: Path, split: str) -> None:
    files = random.Random(split).sample(list_games(shared, split), 2)
    assert sum(walk_file(file, random.Random(file.parent.name), num_steps=20) for file in files) == 2 * 21


@pytest.mark.fuzz
def test_engines_agree_on_all_released_games(shared: Path) -> None:
    files = [file for split in SPLITS for file in list_games(shared, split)]
    compared = sum(walk_file(file, random.Random(file.parent.name), num_steps=30) for file in files)
    assert compared == 31 * len(files) == 31 * 474


@pytest.mark.parametrize("sink_types", [("sinkbasin",), ("sinkbasin", "sink")])
def test_engines_agree_on_sinks(sink_types: tuple[str, ...]) -> None:
    problem = washroom(sink_types)
    assert read_game(write_official_game(problem)).sink_types == sink_types
    fast, official = Engine(problem), OfficialEngine(problem)
    compare(official.reset(), fast.reset(), "reset")
    for command in ("go to sink 1", "take mug 1 from sink 1", "clean mug 1 with sink 1", "examine mug 1"):
        compare(official.step(command), fast.step(command), command)
    official.close()


def test_old_wording_of_released_games(shared: Path) -> None:
    problem: Problem = replace(read_game(list_games(shared, "train")[0]), grammar="put", help_text=None)
    assert walk_both(problem, random.Random(0), num_steps=8) == 9
