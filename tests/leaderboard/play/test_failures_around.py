"""An endpoint that is down is no failure of the agent: it does not count, is told, and is played again on request."""

from pathlib import Path

import msgspec
import pytest

from hiper_envs import Episode, read_episodes
from leaderboard.board.report import render_report
from leaderboard.panels.panel import Panel
from leaderboard.play.run import load_run
from leaderboard.play.runner import Progress, StartFailuresError, run_panel
from leaderboard.scoring.scores import score_run
from leaderboard.scoring.verification import verify_run

AGENT = "toy_world:Endpoint"


@pytest.fixture
def down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that says on which turns the endpoint is down."""
    monkeypatch.setenv("TOY_DOWN", str(tmp_path / "down"))
    return tmp_path / "down"


def read_all(folder: Path, name: str = "episodes.jsonl") -> list[Episode]:
    return list(read_episodes(folder / name)) if (folder / name).exists() else []


@pytest.mark.parametrize("num_workers", [0, 1])
def test_it_does_not_count(panel: Panel, tmp_path: Path, down: Path, num_workers: int) -> None:
    down.write_text("2")
    run = run_panel(AGENT, panel, tmp_path / "run", num_workers=num_workers)
    assert [episode.num_turns for episode in run.episodes] == [1, 2]
    assert len(run.failed_around) == 10 and {episode.num_turns for episode in run.failed_around} == {2}
    assert all(str(episode.error).startswith("ConnectionRefusedError: the end") for episode in run.failed_around)
    scores = score_run(run)
    assert (scores.num_episodes, scores.num_tasks, scores.is_complete, scores.num_crashes) == (2, 12, False, 0)
    assert scores.metrics["success"].value == 100.0
    assert "Endpoint: 10 of 12 episodes failed around the agent" in render_report([run])
    assert "2 of 12" in render_report([run])


def test_true_turns_before_it_verify_and_missing_ones_do_not(panel: Panel, tmp_path: Path, down: Path) -> None:
    down.write_text("2")
    found = verify_run(run_panel(AGENT, panel, tmp_path / "run", num_workers=0))
    assert [str(fault) for fault in found] == [
        "episodes of the run: 10 of 12 tasks have no episode that counts, 10 of which failed around the agent, not one"
        f" for each task; the first is {panel.tasks[2].task}"
    ]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_retry_plays_it_again_and_keeps_the_old_one(panel: Panel, tmp_path: Path, down: Path, num_workers: int) -> None:
    down.write_text("5")
    before = run_panel(AGENT, panel, tmp_path / "run", num_workers=num_workers)
    down.unlink()
    again = run_panel(AGENT, panel, tmp_path / "run", num_workers=num_workers)
    assert again.failed_around == before.failed_around and len(again.failed_around) == 7
    told: list[Progress] = []
    whole = run_panel(
        AGENT, panel, tmp_path / "run", num_workers=num_workers, retry_failed=True, on_progress=told.append
    )
    assert told[0].num_done == 5 and len(whole.episodes) == 12 and not whole.failed_around
    failed = read_all(tmp_path / "run", "failed.jsonl")
    assert sorted(episode.seed for episode in failed) == [episode.seed for episode in before.failed_around]
    assert verify_run(whole) == []
    run_panel(AGENT, panel, tmp_path / "other", num_workers=0)
    assert (tmp_path / "run/episodes.jsonl").read_bytes() == (tmp_path / "other/episodes.jsonl").read_bytes()


def test_retry_that_is_interrupted_loses_nothing(
    panel: Panel, tmp_path: Path, down: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    down.write_text("5")
    run_panel(AGENT, panel, tmp_path / "run", num_workers=0)
    down.unlink()

    def stop(progress: Progress) -> None:
        if progress.num_done == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_panel(AGENT, panel, tmp_path / "run", num_workers=0, retry_failed=True, on_progress=stop)
    assert len(load_run(tmp_path / "run").episodes) == 6 and len(read_all(tmp_path / "run", "failed.jsonl")) == 7
    assert len(run_panel(AGENT, panel, tmp_path / "run", num_workers=0, retry_failed=True).episodes) == 12
    assert len(read_all(tmp_path / "run", "failed.jsonl")) == 7


def test_retry_that_dies_between_its_two_files_keeps_each_episode_once(
    panel: Panel, tmp_path: Path, down: Path
) -> None:
    down.write_text("5")
    run_panel(AGENT, panel, tmp_path / "run", num_workers=0)
    kept = [episode for episode in read_all(tmp_path / "run") if episode.failed_around]
    lines = [msgspec.json.encode(episode) + b"\n" for episode in kept]
    (tmp_path / "run/failed.jsonl").write_bytes(b"".join(lines[:3]) + lines[3][:50])
    down.unlink()
    run_panel(AGENT, panel, tmp_path / "run", num_workers=0, retry_failed=True)
    assert read_all(tmp_path / "run", "failed.jsonl") == kept


@pytest.mark.parametrize("num_workers", [0, 1])
def test_run_stops_after_failures_alike_at_the_start(
    panel: Panel, tmp_path: Path, down: Path, num_workers: int
) -> None:
    down.write_text("0")
    sentence = (
        r"3 episodes in a row failed around the agent at their start: ConnectionRefusedError: the endpoint is down, .*;"
        r" 9 of 12 tasks were not played"
    )
    with pytest.raises(StartFailuresError, match=sentence):
        run_panel(AGENT, panel, tmp_path / "run", num_workers=num_workers)
    run = load_run(tmp_path / "run")
    assert len(run.failed_around) == 3 and not run.episodes
    with pytest.raises(StartFailuresError, match=r"5 episodes in a row .* 4 of 12"):
        run_panel(AGENT, panel, tmp_path / "run", num_workers=num_workers, max_start_failures=5)
    down.unlink()
    assert len(run_panel(AGENT, panel, tmp_path / "run", num_workers=num_workers, retry_failed=True).episodes) == 12


@pytest.mark.parametrize("agent", ["Mute", "Vague"])
def test_failures_of_the_agent_itself_stop_nothing(panel: Panel, tmp_path: Path, agent: str) -> None:
    (tmp_path / "agents.py").write_text(
        "from toy_world import Mute\n\n\nclass Vague(Mute):\n    def reset(self, seed):\n"
        "        raise RuntimeError('no idea')\n"
    )
    run = run_panel(f"{tmp_path}/agents.py:{agent}", panel, tmp_path / "run", num_workers=0, max_start_failures=1)
    assert len(run.episodes) == 12 and not run.failed_around


def test_other_failures_in_between_do_not_stop_the_run(panel: Panel, tmp_path: Path) -> None:
    (tmp_path / "agents.py").write_text(
        "from toy_world import Worker\n\n\nclass Moody(Worker):\n    def reset(self, seed):\n"
        "        super().reset(seed)\n        if seed % 4 < 2:\n            raise ConnectionError('down')\n"
        "        if seed % 4 == 2:\n            raise TimeoutError('late')\n"
    )
    run = run_panel(f"{tmp_path}/agents.py:Moody", panel, tmp_path / "run", num_workers=0)
    assert (len(run.episodes), len(run.failed_around)) == (3, 9)


def test_agent_that_cannot_be_made_again_for_its_endpoint(panel: Panel, tmp_path: Path, down: Path) -> None:
    with pytest.raises(StartFailuresError, match="could not be made without arguments: ConnectionRefusedError"):
        run_panel("toy_world:Fading", panel, tmp_path / "run", num_workers=0)
    run = load_run(tmp_path / "run")
    assert [episode.error_kind for episode in run.recorded] == ["agent", "around", "around", "around"]


def test_process_that_cannot_make_its_agent_again_for_its_endpoint(panel: Panel, tmp_path: Path, down: Path) -> None:
    (tmp_path / "agents.py").write_text(
        "import os\nfrom toy_world import Fading\n\n\nclass Gone(Fading):\n    def act(self, observation, info):\n"
        "        self.down.touch()\n        os._exit(3)\n"
    )
    with pytest.raises(StartFailuresError, match="could not be made without arguments: ConnectionRefusedError"):
        run_panel(f"{tmp_path}/agents.py:Gone", panel, tmp_path / "run", num_workers=1)
    run = load_run(tmp_path / "run")
    assert [episode.error_kind for episode in run.recorded] == ["agent", "around", "around", "around"]
