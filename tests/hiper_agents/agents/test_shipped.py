"""The shipped weights: as good as their cards say, the same in every process, and refused where they do not belong."""

import subprocess
import sys
from pathlib import Path

import pytest

import hiper_agents
from hiper_agents.agents.shipped import WEIGHTS, FlatAgent, HiPERAgent, list_weights, read_card
from hiper_agents.evaluation import open_env
from hiper_agents.tasks import num_tasks, spread_tasks
from hiper_envs import Agent, Episode, parse_reply, play_episode

NAMES = [f"{world}-{kind}" for world in ("alfworld", "webshop") for kind in ("flat", "hiper")]


def play(agent: Agent, world: str, count: int) -> list[Episode]:
    env = open_env(world, "")
    tasks = spread_tasks(num_tasks(env), count)
    return [play_episode(env, agent, task=task, seed=task) for task in tasks]


def mean_score(episodes: list[Episode]) -> float:
    assert not any(episode.error for episode in episodes)
    return sum(episode.score for episode in episodes) / len(episodes)


def test_weights_have_cards_and_are_small() -> None:
    assert list_weights() == NAMES
    for name in NAMES:
        card = read_card(name)
        assert card["name"] == name and card["made_by"].startswith(f"hiper train --config {name} ")
        assert card["reported"]["num_evaluations"] >= 3
        assert (WEIGHTS / f"{name}.safetensors").stat().st_size < 1_000_000  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="did you mean 'webshop-flat'"):
        read_card("webshop-flt")


def test_the_documentation_shows_the_cards_metrics() -> None:
    page = (Path(__file__).parents[3] / "docs" / "agents.md").read_text(encoding="utf-8")
    for name in NAMES:
        metrics = read_card(name)["reported"]
        assert f"| {name} | {metrics['success']:.3f} | {metrics['score']:.3f} | {metrics['turns']:.1f} |" in page


@pytest.mark.slow
@pytest.mark.parametrize(("world", "least"), [("alfworld", 0.9), ("webshop", 0.8)])
def test_agents_come_in_the_expected_order(world: str, least: float) -> None:
    hiper = play(hiper_agents.hiper(), world, 25)
    assert mean_score(hiper) >= least
    assert mean_score(play(hiper_agents.flat(), world, 25)) >= least - 0.15
    assert mean_score(play(hiper_agents.random(), world, 10)) <= 0.3
    assert sum(len(episode.segments) for episode in hiper) > 1.5 * len(hiper)


def test_one_agent_serves_both_worlds_and_repeats_itself() -> None:
    agent = hiper_agents.hiper()
    for world in ("webshop", "alfworld"):
        first, second = (play(agent, world, 1)[0] for _ in range(2))
        assert [turn.reply for turn in first.turns] == [turn.reply for turn in second.turns]
        assert not any(turn.problems for turn in first.turns)


def test_a_flat_agent_declares_nothing() -> None:
    episode = play(FlatAgent("alfworld"), "alfworld", 1)[0]
    assert len(episode.segments) == 1
    assert all(parse_reply(turn.reply).subgoal == "" for turn in episode.turns)


def test_other_worlds_are_refused() -> None:
    observation, info = open_env("webshop", "").reset(options={"task": 0})
    agent = HiPERAgent("alfworld")
    with pytest.raises(ValueError, match="has weights for alfworld, but this observation is from webshop"):
        agent.act(observation, info)
    with pytest.raises(ValueError, match="this observation is from another world"):
        hiper_agents.flat().act("A cave.", {"instruction": "leave", "admissible_actions": ["out"]})
    with pytest.raises(ValueError, match="experts for ALFWorld and WebShop"):
        hiper_agents.expert().act("A cave.", {"instruction": "leave", "admissible_actions": ["out"]})
    with pytest.raises(ValueError, match="did you mean 'alfworld'"):
        HiPERAgent("alfwrld")


def test_scripted_agents_need_no_torch() -> None:
    script = (
        "import sys, hiper_agents as h; h.random(); h.expert(); import hiper_agents.training.config;"
        " sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
