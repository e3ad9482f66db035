"""The side of a run that reads what its workers write: whole, in time, and no more often than needed."""

import os
import select
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hiper_envs import Episode
from leaderboard.panels.panel import Panel
from leaderboard.play import worker as worker_process
from leaderboard.play.player import WorldError
from leaderboard.play.protocol import PlayTask, Setup
from leaderboard.play.runner import run_panel
from leaderboard.play.worker import WorkerProcess


@pytest.fixture
def workers(panel: Panel, tmp_path: Path) -> Iterator[list[WorkerProcess]]:
    made: list[WorkerProcess] = []
    yield made
    for worker in made:
        worker.close()


def start(workers: list[WorkerProcess], panel: Panel, tmp_path: Path, agent: str, turn_seconds: float) -> WorkerProcess:
    workers.append(WorkerProcess(Setup(panel, f"toy_world:{agent}", agent, turn_seconds), tmp_path / "agent.log"))
    return workers[-1]


def finish(worker: WorkerProcess) -> Episode:
    while True:
        select.select([worker], [], [], 20)
        if (episode := worker.receive()) is not None:
            return episode


def test_answer_that_waits_while_the_run_is_stopped_is_no_time_out(
    panel: Panel, tmp_path: Path, workers: list[WorkerProcess]
) -> None:
    worker = start(workers, panel, tmp_path, "Worker", 30.0)
    worker.give(PlayTask(panel.tasks[2], 2))
    assert select.select([worker], [], [], 20)[0]
    worker.deadline = time.monotonic() - 1.0  # as if this process had been stopped while the worker went on
    assert worker.is_overdue
    assert finish(worker).error is None


def test_answer_that_comes_in_pieces_is_no_time_out(
    panel: Panel, tmp_path: Path, workers: list[WorkerProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_process, "GRACE_SECONDS", 5.0)
    monkeypatch.setattr(worker_process, "READ_BYTES", 1 << 10)
    worker = start(workers, panel, tmp_path, "Long", 5.0)
    worker.give(PlayTask(panel.tasks[0], 0))
    while worker.deadline is None:
        assert worker.receive() is None
    worker.deadline = time.monotonic() - 1.0
    assert worker.is_overdue and select.select([worker], [], [], 20)[0]
    assert worker.receive() is None and not worker.is_overdue
    monkeypatch.setattr(worker_process, "READ_BYTES", 1 << 20)
    assert finish(worker).error is None


def test_silence_over_the_limit_is_a_time_out(
    panel: Panel, tmp_path: Path, workers: list[WorkerProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_process, "GRACE_SECONDS", 0.1)
    worker = start(workers, panel, tmp_path, "StubbornSleeper", 0.1)
    worker.give(PlayTask(panel.tasks[0], 0))
    while worker.deadline is None:
        assert worker.receive() is None
    while (episode := worker.receive()) is None:
        pass
    assert "had to be stopped" in str(episode.error) and worker.deadline is None


def test_no_deadline_of_an_episode_outlives_it(panel: Panel, tmp_path: Path, workers: list[WorkerProcess]) -> None:
    worker = start(workers, panel, tmp_path, "Worker", 30.0)
    for position in (0, 1):
        worker.give(PlayTask(panel.tasks[position], position))
        assert worker.deadline is None
        assert finish(worker).error is None
        assert worker.deadline is None


def test_every_byte_of_a_long_answer_is_looked_at_once(
    panel: Panel, tmp_path: Path, workers: list[WorkerProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice the length takes twice the time, not four times: pieces are joined once, when their line is whole."""
    worker = start(workers, panel, tmp_path, "Worker", 30.0)
    piece = b"x" * (1 << 12)
    assert all(worker._cut_lines(piece) == [] for _ in range(1000))
    assert len(worker._unread) == 1000 and max(map(len, worker._unread)) == len(piece)
    assert worker._cut_lines(b"y\nsecond\nthi") == [piece * 1000 + b"y", b"second"]
    assert worker._cut_lines(b"rd\n") == [b"third"] and b"".join(worker._unread) == b""


@pytest.mark.slow
def test_long_replies_arrive_whole(panel: Panel, tmp_path: Path) -> None:
    runs = [
        run_panel("toy_world:Long", panel, tmp_path / str(number), num_workers=number, num_episodes=3)
        for number in (0, 1)
    ]
    assert runs[0].episodes == runs[1].episodes
    assert all(len(turn.reply) > 1_000_000 for episode in runs[1].episodes for turn in episode.turns)


def test_process_that_writes_something_else_is_lost(panel: Panel, tmp_path: Path) -> None:
    run = run_panel("toy_world:Scribbler", panel, tmp_path, num_episodes=2)
    assert {episode.error for episode in run.episodes} == {
        "WorkerLostError: the agent's process wrote into the pipe of the answers"
    }


def test_world_that_fails_while_lost_turns_are_replayed_stops_the_run(
    panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("the toy is broken")

    monkeypatch.setattr("leaderboard.play.worker.EpisodeRecorder.step", fail)
    with pytest.raises(WorldError, match=r"failed on task '.*-3': ZeroDivisionError: the toy is broken"):
        run_panel("toy_world:Quitter", panel, tmp_path, num_workers=1)


def test_log_that_is_a_link_is_refused(panel: Panel, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "precious").write_text("mine")
    os.symlink(tmp_path / "precious", tmp_path / "run/agent.log")
    with pytest.raises(OSError, match="it is a symbolic link, not a file"):
        run_panel("toy_world:Chatty", panel, tmp_path / "run", num_workers=1)
    assert (tmp_path / "precious").read_text() == "mine"
