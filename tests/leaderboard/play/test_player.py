"""The player in the agent's process: a new agent after a failure, and a copy of all that the agent is shown."""

from pathlib import Path

from leaderboard.panels.panel import Panel
from leaderboard.play.player import Player, private_copy
from leaderboard.play.runner import run_panel

AGENTS = """
from toy_world import Worker


class Scarred(Worker):
    '''Fails on one task, and never recovers from it.'''

    is_broken = False

    def act(self, observation, info):
        if self.is_broken or info["task_id"].endswith("-2"):
            self.is_broken = True
            raise ValueError("lost")
        return super().act(observation, info)


class Clearing(Worker):
    '''Spoils what it is shown; rests once it is shown something spoilt.'''

    def act(self, observation, info):
        if info["admissible_actions"] != ["rest", "work"]:
            return "rest"
        info["admissible_actions"].clear()
        info["segment"].clear()
        info.clear()
        return super().act(observation, info)
"""


def test_agent_that_failed_plays_no_further_episode(panel: Panel, tmp_path: Path) -> None:
    (tmp_path / "agents.py").write_text(AGENTS)
    for num_workers in (0, 1):
        run = run_panel(
            f"{tmp_path}/agents.py:Scarred", panel, tmp_path / str(num_workers), num_episodes=6, num_workers=num_workers
        )
        assert [episode.error is None for episode in run.episodes] == [True, False, True, True, True, True]


def test_agent_without_a_failure_is_kept(panel: Panel, tmp_path: Path) -> None:
    (tmp_path / "counted.py").write_text(
        "from toy_world import Worker\n\n\nclass Counted(Worker):\n    made = 0\n\n    def __init__(self):\n"
        "        Counted.made += 1\n"
    )
    player = Player(panel, f"{tmp_path}/counted.py:Counted", agent_name="Counted")
    for task in panel.tasks[:3]:
        assert player.play(task, task.seed).error is None
    assert type(player._agent).__name__ == "Counted" and player._agent.made == 1  # type: ignore[union-attr]


def test_nothing_that_an_agent_does_to_info_reaches_the_world(panel: Panel, tmp_path: Path) -> None:
    (tmp_path / "agents.py").write_text(AGENTS)
    run = run_panel(f"{tmp_path}/agents.py:Clearing", panel, tmp_path / "run", num_episodes=8, num_workers=0)
    assert all(episode.success for episode in run.episodes)


def test_copies_are_deep() -> None:
    info = {"a": [["x"], {"b": [1]}], "c": {"d": {"e": ["y"]}}, "f": "text"}
    copy = private_copy(info)
    assert copy == info
    copy["a"][0].clear()  # type: ignore[index]
    copy["a"][1]["b"].clear()  # type: ignore[index]
    copy["c"]["d"]["e"].clear()  # type: ignore[index]
    assert info == {"a": [["x"], {"b": [1]}], "c": {"d": {"e": ["y"]}}, "f": "text"}
