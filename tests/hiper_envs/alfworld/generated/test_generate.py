"""Generated games: the splits, the ids, and what a game is made of."""

import csv
import json
import os
import random
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from hiper_envs.alfworld.games.problem import Problem, _read_problem, read_game, write_problem
from hiper_envs.alfworld.generated.count_games import GameCounts, count
from hiper_envs.alfworld.generated.counts import load_data as load_count_data
from hiper_envs.alfworld.generated.first_tasks import TEST_PLANS, first_task_ids
from hiper_envs.alfworld.generated.generate import generate
from hiper_envs.alfworld.generated.tables import load_types
from hiper_envs.alfworld.generated.tasks import SPLIT_SIZES, UNSEEN_PLANS, parse_task_id, task_ids
from hiper_envs.alfworld.rules.engine import Engine
from hiper_envs.alfworld.rules.solver import solve
from tests.hiper_envs.alfworld.real_games import list_games, list_training_ids

SAMPLE = [
    task_id
    for ids in (first_task_ids, task_ids)
    for split, step in (("train", 120), ("valid_seen", 20), ("valid_unseen", 20))
    for task_id in ids(split)[::step]
]
ID = "v2/train/pick_cool_then_place_in_recep-Bowl-None-DiningTable-23/2"
DIGEST_SCRIPT = """
import hashlib, sys
from hiper_envs.alfworld.generated.first_tasks import first_task_ids
from hiper_envs.alfworld.generated.generate import generate
from hiper_envs.alfworld.generated.tasks import task_ids
digest = hashlib.sha256()
for split in ("train", "valid_seen", "valid_unseen"):
    ids = (first_task_ids if sys.argv[1] == "1" else task_ids)(split)
    digest.update("\\n".join(ids).encode())
    for task in ids[::100]:
        problem = generate(task)
        digest.update(repr((dict(problem.entities), problem.facts, problem.goal, problem.task)).encode())
print(digest.hexdigest())
"""
DIGESTS = {
    1: "9ec06e14511f577e989f156a8a87a4f759462b63fdd5202e99aee9b93004b447",
    2: "d35303f5bf3f85c4581937e6cbe553ced4627332b9bdf7ab8aabcdd1c9ff7fa4",
}
"""Of all ids and every hundredth game of each edition: published results rest on them, so they never change."""


def read_real_tasks(shared: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((shared / "data/alfworld/real_tasks.csv").read_text().splitlines()))


def facts_by_predicate(problem: Problem) -> dict[str, list[tuple[str, ...]]]:
    facts = defaultdict(list)
    for predicate, *arguments in problem.facts:
        facts[predicate].append(tuple(arguments))
    return facts


@pytest.mark.parametrize("edition", DIGESTS)
@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_games_are_the_same_for_ever(edition: int, hash_seed: str) -> None:
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    found = subprocess.run(
        [sys.executable, "-c", DIGEST_SCRIPT, str(edition)], env=environment, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == DIGESTS[edition]


ListIds = Callable[[str], Sequence[str]]
EDITIONS = pytest.mark.parametrize("ids", [first_task_ids, task_ids])


@EDITIONS
@pytest.mark.parametrize(("split", "size"), [("train", 3553), ("valid_seen", 140), ("valid_unseen", 134)])
def test_splits_have_the_real_sizes_and_kinds(ids: ListIds, split: str, size: int) -> None:
    tasks = [parse_task_id(task) for task in ids(split)]
    assert len(tasks) == len({task.id for task in tasks}) == size
    assert Counter(task.kind for task in tasks) == dict(SPLIT_SIZES[split])
    assert [task.id for task in tasks] == list(ids(split))


@EDITIONS
def test_held_out_floor_plans_are_held_out(ids: ListIds) -> None:
    plans = {split: {parse_task_id(task).floor_plan for task in ids(split)} for split in SPLIT_SIZES}
    assert plans["valid_unseen"] == set(UNSEEN_PLANS)
    assert not (plans["train"] | plans["valid_seen"]) & {*UNSEEN_PLANS, *TEST_PLANS}
    assert plans["valid_seen"] <= plans["train"]
    assert len(plans["train"]) > 100


def test_every_real_task_can_be_built(shared: Path) -> None:
    rows = read_real_tasks(shared)
    assert len(rows) == 1352
    for row in rows:
        name = f"{row['task_type']}-{row['object']}-None-{row['receptacle_or_lamp']}-{row['floor_plan']}"
        assert parse_task_id(f"train/{name}/0").name == name


@pytest.mark.slow
def test_every_real_task_makes_a_game(shared: Path) -> None:
    for row in read_real_tasks(shared):
        name = f"{row['task_type']}-{row['object']}-None-{row['receptacle_or_lamp']}-{row['floor_plan']}"
        assert generate(f"train/{name}/0").goal.object_type == row["object"]


def test_first_split_resembles_the_real_tasks(shared: Path) -> None:
    rows = read_real_tasks(shared)
    real = {(row["task_type"], row["object"], row["receptacle_or_lamp"], row["floor_plan"]) for row in rows}
    parts = [task.split("/")[1].split("-") for task in first_task_ids("train")]
    made = {(kind, thing, place, plan) for kind, thing, _, place, plan in parts}

    def distance(field: int) -> float:
        ours, theirs = (Counter(task[field] for task in tasks) for tasks in (made, real))
        return sum(abs(ours[key] / len(made) - theirs[key] / len(real)) for key in ours | theirs) / 2

    assert distance(0) < 0.05
    assert distance(1) < 0.2
    assert distance(2) < 0.2


@pytest.mark.parametrize("task_id", SAMPLE)
def test_game_is_sound(task_id: str) -> None:
    task, problem = parse_task_id(task_id), generate(task_id)
    facts = facts_by_predicate(problem)
    assert len(set(problem.facts)) == len(problem.facts)
    holder_types = dict(facts["receptacleType"])
    object_types = dict(facts["objectType"])
    places = [place for place, _ in facts["receptacleAtLocation"]]
    assert Counter(places) == dict.fromkeys(holder_types, 1)
    targets = [name for name, kind in object_types.items() if kind == f"{task.object_type}Type"]
    assert (2 if task.kind == "pick_two" else 1) <= len(targets) <= 4
    held_by = dict(facts["inReceptacle"])
    for target in targets if task.kind in ("pick", "pick_two") or task.edition == 1 else ():
        assert target not in held_by or holder_types[held_by[target]] != f"{task.receptacle_type}Type"
    engine = Engine(problem)
    assert not engine.reset().won
    for command in solve(engine, problem):
        output = engine.step(command)
    assert output.won


@pytest.mark.parametrize("task_id", SAMPLE[::10])
def test_game_survives_its_own_file(task_id: str) -> None:
    problem = generate(task_id)
    name, entities, facts, goal = _read_problem(write_problem(problem), "game.tw-pddl")
    assert (name, entities, facts, goal) == (problem.name, problem.entities, problem.facts, problem.goal)


def test_figures_of_the_first_rooms() -> None:
    empty, receptacles, inside, pickups, sentences, starts = 0, 0, 0, 0, set(), set()
    odd = {"StoveBurnerType", "ToasterType", "CoffeeMachineType"}
    for task_id in first_task_ids("train")[:300]:
        problem = generate(task_id)
        facts, goal = facts_by_predicate(problem), problem.goal
        filled = {place for _, place in facts["inReceptacle"]}
        looked_at = [name for name, kind in facts["receptacleType"] if kind not in odd]
        receptacles += len(looked_at)
        empty += len(set(looked_at) - filled)
        inside += len(facts["inReceptacleObject"])
        pickups += len(facts["pickupable"])
        sentences.add(
            re.sub(rf"\b({goal.object_type}|{goal.receptacle_type})\b", "X", problem.task, flags=re.IGNORECASE)
        )
        starts.add(facts["atLocation"][0][1])
    assert 0.24 < empty / receptacles < 0.34
    assert 0.01 < inside / pickups < 0.06
    assert len(sentences) == sum(map(len, load_types().goals.values()))
    assert len(starts) > 150


def test_training_tasks_are_the_real_ones(shared: Path) -> None:
    real = Counter(name.partition("_trial_")[0] for name in list_training_ids(shared))
    assert Counter(parse_task_id(task).name for task in task_ids("train")) == real


def test_counts_are_those_of_the_real_games(shared: Path) -> None:
    found = count(list_games(shared, "train"), list_training_ids(shared))
    assert json.loads(json.dumps(found)) == load_count_data()


def share_at_destination(problems: Sequence[Problem]) -> float:
    """In how many games of treated things one lies already where it is to go."""
    found = []
    for problem in problems:
        facts = facts_by_predicate(problem)
        kinds, furniture, held_by = (dict(facts[name]) for name in ("objectType", "receptacleType", "inReceptacle"))
        wanted = [name for name, kind in kinds.items() if kind == f"{problem.goal.object_type}Type"]
        places = [furniture[held_by[name]] for name in wanted if name in held_by]
        found.append(f"{problem.goal.receptacle_type}Type" in places)
    return sum(found) / len(found)


@pytest.mark.slow
def test_games_resemble_the_real_ones(shared: Path) -> None:
    real = [read_game(file) for file in list_games(shared, "train")]
    names = [file.parent.parent.name for file in list_games(shared, "train")]
    made = [generate(f"v2/train/{name}/0") for name in names]
    ours, theirs = GameCounts(), GameCounts()
    for counts, games in ((ours, made), (theirs, real)):
        for game in games:
            counts.add(game)
    number = {counts: sum(sum(kind.values()) for kind in counts.numbers.values()) for counts in (ours, theirs)}
    things = {counts: sum(n * c for kind in counts.numbers.values() for n, c in kind.items()) for counts in number}
    assert number[ours] == number[theirs]
    assert abs(things[ours] / things[theirs] - 1) < 0.05
    places = {
        counts: Counter({(k, p): n for k, ps in counts.places.items() for p, (n, _) in ps.items()}) for counts in number
    }
    apart = sum(abs(places[ours][key] - places[theirs][key]) for key in places[ours] | places[theirs])
    assert apart / 2 / sum(places[theirs].values()) < 0.2  # counting noise alone gives .13
    treated = [[game for game in games if game.goal.kind in ("clean", "heat", "cool")] for games in (made, real)]
    assert abs(share_at_destination(treated[0]) - share_at_destination(treated[1])) < 0.15


def test_trials_and_splits_of_one_task_differ() -> None:
    ids = [ID, ID[:-1] + "3", ID.replace("train", "valid_seen")]
    assert len({generate(task_id).facts for task_id in ids}) == 3
    assert generate(ID) == generate(ID)


@pytest.mark.parametrize(
    ("task_id", "message"),
    [
        ("23", "'23' is no task id; one reads v2/SPLIT/TYPE-OBJECT-None-RECEPTACLE-FLOORPLAN/TRIAL, such as"),
        (ID.replace("train", "tain"), "unknown split 'tain'.*did you mean 'train'"),
        (ID.replace("pick_cool", "pick_kool"), "unknown task type.*did you mean 'pick_cool_then_place_in_recep'"),
        (ID.replace("-23/", "-99/"), "unknown floor plan 99"),
        (ID.replace("Bowl", "Bowle"), "unknown object for pick_cool.* on floor plan 23.*did you mean 'Bowl'"),
        (ID.replace("DiningTable", "Sofa"), "unknown receptacle for a Bowl on floor plan 23 'Sofa'"),
        (ID.replace("None", "Plate"), "asks for a movable receptacle"),
    ],
)
def test_a_wrong_id_gets_a_sentence(task_id: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        generate(task_id)


def test_unknown_split_gets_the_nearest_name() -> None:
    with pytest.raises(ValueError, match="did you mean 'valid_unseen'"):
        task_ids("valid_unsen")


@pytest.mark.parametrize("task_id", [*task_ids("valid_unseen")[:2], task_ids("train")[0], first_task_ids("train")[0]])
def test_official_engine_plays_the_game_alike(task_id: str) -> None:
    official = pytest.importorskip("hiper_envs.alfworld.official.engine")
    if not official.is_installed():
        pytest.skip("needs the extra 'official'")
    problem, generator = generate(task_id), random.Random(0)
    fast, slow = Engine(problem), official.OfficialEngine(problem)
    output = fast.reset()
    assert slow.reset() == output
    for _ in range(5):
        command = generator.choice(output.admissible)
        output = fast.step(command)
        assert slow.step(command) == output
    slow.close()
