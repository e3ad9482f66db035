"""The expert that only reads: how often it wins, what it may know, what it says."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from hiper_agents.agents.scripted.alfworld_expert import ALFWorldExpert
from hiper_envs.alfworld.games.problem import Problem, read_game
from hiper_envs.alfworld.generated.generate import generate, task_ids
from hiper_envs.alfworld.generated.tasks import parse_task_id
from hiper_envs.alfworld.rules.engine import Engine, Output
from hiper_envs.alfworld.sources import is_set_aside
from hiper_envs.reply import Reply, parse_reply
from tests.hiper_envs.alfworld.real_games import list_games

MAX_TURNS = 50
TURNS = {"pick": 20, "clean": 20, "heat": 20, "cool": 20, "pick_two": 25, "look_at": 20}
"""More turns than this would be aimless on average."""


class TextOnly(Mapping[str, object]):
    """An info that holds what an agent may read, and fails the test when it looks for more."""

    def __init__(self, problem: Problem, output: Output) -> None:
        self.values_by_key = {"instruction": problem.task, "admissible_actions": output.admissible}

    def __getitem__(self, key: str) -> object:
        assert key in self.values_by_key, f"the expert reads info[{key!r}]"
        return self.values_by_key[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_by_key)

    def __len__(self) -> int:
        return len(self.values_by_key)


def play(problem: Problem, agent: ALFWorldExpert, name_seed: int | None = None) -> tuple[bool, list[Reply]]:
    """Return whether the expert wins in time, and its replies."""
    engine = Engine(problem, name_seed)
    output, replies = engine.reset(), []
    agent.reset(0)
    while not output.won and len(replies) < MAX_TURNS:
        reply = parse_reply(agent.act(output.text, TextOnly(problem, output)))
        assert reply.problems == ()
        assert reply.action in output.admissible
        replies.append(reply)
        output = engine.step(reply.action)
    return output.won, replies


def test_wins_on_training_games_within_fifty_turns() -> None:
    agent, turns = ALFWorldExpert(), dict[str, list[int]]()
    wins = 0
    tasks = [task for task in task_ids("train") if is_set_aside(task)]
    for task_id in tasks:
        has_won, replies = play(generate(task_id), agent)
        wins += has_won
        turns.setdefault(parse_task_id(task_id).kind, []).append(len(replies))
    assert wins / len(tasks) >= 0.99
    for kind, counts in turns.items():
        assert sum(counts) / len(counts) < TURNS[kind], kind


def test_wins_on_games_it_was_not_made_for(shared: Path) -> None:
    for file in sorted((shared / "gold/alfworld/games").glob("*.gz")):
        for wording in ("move", "put"):
            assert play(replace(read_game(file), grammar=wording), ALFWorldExpert())[0], file.name


@pytest.mark.parametrize("task_id", task_ids("train")[:6])
def test_names_dealt_anew_do_not_matter(task_id: str) -> None:
    assert play(generate(task_id), ALFWorldExpert(), name_seed=3)[0]


@pytest.mark.parametrize(
    "task_id",
    [
        "train/pick_clean_then_place_in_recep-Kettle-None-SideTable-3/4",
        "train/pick_heat_then_place_in_recep-Plate-None-CounterTop-4/1",
    ],
)
def test_knows_the_furniture_at_which_it_starts(task_id: str) -> None:
    problem = generate(task_id)
    assert "You are facing" in Engine(problem).reset().text
    assert play(problem, ALFWorldExpert())[0]


def test_plays_the_same_way_each_time() -> None:
    problem = generate(task_ids("train")[11])
    agent = ALFWorldExpert()
    assert play(problem, agent) == play(problem, agent) == play(problem, ALFWorldExpert())


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("pick", ["find a {thing}", "put the {thing} in the {place}"]),
        ("clean", ["find a {thing}", "clean the {thing}", "put the {thing} in the {place}"]),
        ("heat", ["find a {thing}", "heat the {thing}", "put the {thing} in the {place}"]),
        ("cool", ["find a {thing}", "cool the {thing}", "put the {thing} in the {place}"]),
        ("pick_two", ["find a {thing}", "put the {thing} in the {place}", "find another {thing}"]),
        ("look_at", ["find a {thing}", "look at the {thing} under the desklamp"]),
    ],
)
def test_declares_each_subgoal_once_and_switches_there(kind: str, expected: list[str]) -> None:
    task = next(task for task in map(parse_task_id, task_ids("train")) if task.kind == kind)
    has_won, replies = play(generate(task.id), ALFWorldExpert())
    assert has_won
    names = {"thing": task.object_type.lower(), "place": task.receptacle_type.lower()}
    subgoals = [subgoal.format(**names) for subgoal in expected]
    if kind == "pick_two":
        subgoals.append(subgoals[1])
    assert [reply.subgoal for reply in replies if reply.switches] == subgoals
    for before, after in pairwise(replies):
        assert after.switches == (before.subgoal != after.subgoal)


@pytest.mark.slow
def test_wins_on_released_training_games(shared: Path) -> None:
    games = [read_game(file) for file in list_games(shared, "train")]
    assert sum(play(game, ALFWorldExpert())[0] for game in games) >= 199


def lies_at_its_destination(problem: Problem) -> bool:
    """Whether everything that a task wants treated lies already where it is to go."""
    kinds, furniture, holders = (
        {words[0]: words[1] for predicate, *words in problem.facts if predicate == name}
        for name in ("objectType", "receptacleType", "inReceptacle")
    )
    wanted = [thing for thing, kind in kinds.items() if kind == f"{problem.goal.object_type}Type"]
    places = {furniture.get(holders.get(thing, "")) for thing in wanted}
    return problem.goal.kind in ("clean", "heat", "cool") and places == {f"{problem.goal.receptacle_type}Type"}


def test_treats_what_lies_at_its_destination_already() -> None:
    games = [game for game in map(generate, task_ids("train")[:600]) if lies_at_its_destination(game)]
    assert len(games) > 20
    # In one kitchen the ladle lies behind the last of two dozen doors.
    assert sum(play(game, ALFWorldExpert())[0] for game in games) >= len(games) - 1


@pytest.mark.parametrize(
    "sentence",
    ["", ".", "wash the dog", "Put the washed Apfel \u2028 away!!", "x" * 9000, "two lamps", "put the mug", "\ud800"],
)
def test_any_sentence_is_played_on(sentence: str) -> None:
    problem = generate(task_ids("train")[3])
    assert len(play(replace(problem, task=sentence), ALFWorldExpert())[1]) > 0


def test_tries_what_else_a_word_may_mean() -> None:
    task = next(task for task in task_ids("train") if "and_place_simple-RemoteControl-None-CoffeeTable" in task)
    has_won, replies = play(replace(generate(task), task="Put the remote on a table."), ALFWorldExpert())
    assert has_won
    assert "put the remotecontrol in the coffeetable" in {reply.subgoal for reply in replies}


@pytest.mark.slow
def test_no_goal_in_peoples_words_stops_it(shared: Path) -> None:
    goals = json.loads((shared / "data/alfworld/human_goals.json").read_text(encoding="utf-8"))["valid_train"]
    wins = 0
    for file in list_games(shared, "train"):
        goal = goals[f"{file.parent.parent.name}/{file.parent.name}"][0]
        wins += play(replace(read_game(file), task=goal), ALFWorldExpert())[0]
    assert wins / 200 > 0.75
