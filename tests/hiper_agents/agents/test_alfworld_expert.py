"""The expert that only reads: how often it wins, what it may know, what it says."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from hiper_agents.agents.scripted.alfworld_expert import ALFWorldExpert
from hiper_agents.agents.scripted.alfworld_reading import Request, read_request
from hiper_envs.alfworld.games.problem import Problem, read_game
from hiper_envs.alfworld.generated.generate import generate, task_ids
from hiper_envs.alfworld.generated.tables import load_types
from hiper_envs.alfworld.generated.tasks import parse_task_id
from hiper_envs.alfworld.rules.engine import Engine, Output
from hiper_envs.reply import Reply, parse_reply

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


def test_wins_on_unseen_rooms_within_fifty_turns() -> None:
    agent, turns = ALFWorldExpert(), dict[str, list[int]]()
    wins = 0
    for task_id in task_ids("valid_unseen"):
        has_won, replies = play(generate(task_id), agent)
        wins += has_won
        turns.setdefault(parse_task_id(task_id).kind, []).append(len(replies))
    assert wins / 134 >= 0.97
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


@pytest.mark.parametrize("kind", load_types().goals)
def test_reads_every_task_sentence(kind: str) -> None:
    for sentence in load_types().goals[kind]:
        text = sentence.format(obj="cd", recep="safe", toggle="desklamp")
        expected = Request(kind, "cd", "desklamp" if kind == "look_at" else "safe")
        assert read_request(text) == read_request(f"Your task is to: {text}.") == expected


def test_another_sentence_is_refused() -> None:
    with pytest.raises(ValueError, match="'wash the dog' is none of ALFWorld's task sentences"):
        read_request("wash the dog")
