"""The ALFWorld expert with several goals: it wins by reading alone, keeps what it has done, mends what is undone."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiper_agents.agents.scripted.alfworld_expert import ALFWorldExpert
from hiper_envs.alfworld.long.env import ALFWorldLongEnv
from hiper_envs.alfworld.reading import TREATMENTS, read_command
from hiper_envs.reply import Reply, parse_reply

Disturb = Callable[[Reply, dict[str, Any]], str | None]
LOOK = "look at"


def make(num_goals: int, order: str = "any", split: str = "train_eval") -> ALFWorldLongEnv:
    return ALFWorldLongEnv(split, "generated", num_goals=num_goals, order=order)


def play(
    env: ALFWorldLongEnv, task: int | str, disturb: Disturb = lambda reply, info: None
) -> tuple[bool, list[Reply]]:
    """Return whether the expert wins in time, and its replies; `disturb` may say what is done instead."""
    observation, info = env.reset(options={"task": task})
    agent, replies, is_over = ALFWorldExpert(), list[Reply](), False
    while not is_over and len(replies) < env.max_turns:
        known = {"instruction": info["instruction"], "admissible_actions": info["admissible_actions"]}
        reply = parse_reply(agent.act(observation, known))
        assert reply.problems == () and reply.action in info["admissible_actions"]
        replies.append(reply)
        observation, _, is_over, _, info = env.step(disturb(reply, info) or reply.action)
    return info["success"], replies


@pytest.mark.parametrize("order", ["any", "sequence"])
@pytest.mark.parametrize(("num_goals", "most"), [(2, 20), (3, 30), (6, 55)])
def test_wins_in_few_turns(num_goals: int, order: str, most: int) -> None:
    env = make(num_goals, order)
    played = [play(env, task) for task in env.tasks[::25] if env.count_goals(task) >= num_goals]
    assert len(played) > 5 and all(success for success, _ in played)
    assert sum(len(replies) for _, replies in played) / len(played) < most


@pytest.mark.slow
@pytest.mark.parametrize("order", ["any", "sequence"])
def test_wins_nearly_always(order: str) -> None:
    env = make(3, order, "train")
    assert sum(play(env, task)[0] for task in env.tasks[::40]) / len(env.tasks[::40]) >= 0.99


def test_goals_of_a_sequence_are_done_in_their_order() -> None:
    env = make(3, "sequence")
    for task in env.tasks[:5]:
        success, replies = play(env, task)
        things = [goal.object_type.lower() for goal in env._games.load(task).goals]
        sought = [thing for reply in replies for thing in things if f" {thing}" in reply.subgoal]
        assert success and list(dict.fromkeys(sought)) == things


def test_nothing_that_serves_a_goal_is_taken_again_and_a_look_comes_last() -> None:
    env = make(4)
    tasks = [task for task in env.tasks[:60] if any("look_at" in kind for kind in list_kinds(env, task))]
    assert len(tasks) > 5
    for task in tasks[:6]:
        success, replies = play(env, task)
        assert success
        put: list[str] = []
        for reply in replies:
            command = read_command(reply.action)
            assert command.verb != "take" or command.thing not in put, "what was put somewhere stays there"
            put += [command.thing] * (command.verb == "put")
        first = next(number for number, reply in enumerate(replies) if reply.subgoal.startswith(LOOK))
        assert all(reply.subgoal.startswith(LOOK) for reply in replies[first:])


def list_kinds(env: ALFWorldLongEnv, task: str) -> list[str]:
    return [goal.kind for goal in env._games.load(task).goals]


def test_what_is_undone_is_done_again() -> None:
    """Somebody takes each thing away once from where a goal wants it."""
    env = make(3)
    for task in env.tasks[:6]:
        put, moved = set[str](), set[str]()

        def take_away(reply: Reply, info: dict[str, Any], put: set[str] = put, moved: set[str] = moved) -> str | None:
            for action in info["admissible_actions"]:
                command = read_command(action)
                if command.verb == "take" and command.thing in put - moved:
                    moved.add(command.thing)
                    return str(action)
            command = read_command(reply.action)
            put.update([command.thing] * (command.verb == "put"))
            return None

        assert play(env, task, take_away)[0] and moved


@settings(max_examples=15)
@given(
    task=st.integers(0, 195),
    num_goals=st.integers(2, 4),
    order=st.sampled_from(["any", "sequence"]),
    seed=st.integers(),
)
def test_wins_though_others_meddle(task: int, num_goals: int, order: str, seed: int) -> None:
    """One turn of five is somebody's who does anything at all, treats things the wrong way too."""
    rng = Random(seed)

    def meddle(reply: Reply, info: dict[str, Any]) -> str | None:
        actions = [action for action in info["admissible_actions"] if read_command(action).verb != "slice"]
        wrong = [action for action in actions if action.split(" ")[0] in TREATMENTS]
        return rng.choice(wrong or actions) if rng.random() < 0.2 else None

    assert play(make(num_goals, order), task, meddle)[0]


def test_a_sentence_that_cannot_be_read_is_played_on() -> None:
    env = make(2)
    observation, info = env.reset(options={"task": 0})
    for sentence in (
        "do all of these: ",
        "do these in order: ; ",
        "do all of these: wash the dog; \ud800",
        "do these in order: x",
    ):
        agent = ALFWorldExpert()
        for _ in range(5):
            known = {"instruction": sentence, "admissible_actions": info["admissible_actions"]}
            assert parse_reply(agent.act(observation, known)).action in info["admissible_actions"]
