"""Runs survive what agents and people do to them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hiper_envs.episodes.agents import AgentError
from leaderboard.panels.panel import Panel, write_panel
from leaderboard.play import worker as worker_process
from leaderboard.play.player import WorldError
from leaderboard.play.run_folder import RunError, load_run
from leaderboard.play.runner import Progress, run_panel
from leaderboard.scoring.scores import score_run
from leaderboard.scoring.verification import verify_run


def episodes_bytes(folder: Path) -> bytes:
    return (folder / "episodes.jsonl").read_bytes()


def test_run_plays_every_task_in_order(panel: Panel, tmp_path: Path) -> None:
    run = run_panel("toy_world:Worker", panel, tmp_path / "run", num_workers=0)
    assert [episode.task_id for episode in run.episodes] == [row.task for row in panel.tasks]
    assert [episode.success for episode in run.episodes] == [True] * 8 + [False] * 4
    assert [segment.num_turns for segment in run.episodes[6].segments] == [2, 3, 2]
    assert run.header.name == "Worker"
    assert run.times[panel.tasks[0].task, 0].turns


def test_workers_write_the_same_bytes(panel: Panel, tmp_path: Path) -> None:
    for num_workers in (0, 1, 3):
        run_panel("toy_world:Worker", panel, tmp_path / str(num_workers), num_workers=num_workers)
    assert episodes_bytes(tmp_path / "0") == episodes_bytes(tmp_path / "1") == episodes_bytes(tmp_path / "3")


def test_progress_is_told(panel: Panel, tmp_path: Path) -> None:
    told: list[Progress] = []
    run_panel("toy_world:Worker", panel, tmp_path, num_episodes=3, num_workers=0, on_progress=told.append)
    assert [(progress.num_done, progress.num_tasks) for progress in told] == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_more_episodes_go_on_in_the_same_folder(panel: Panel, tmp_path: Path) -> None:
    run_panel("toy_world:Worker", panel, tmp_path / "parts", num_episodes=3, num_workers=0)
    told: list[Progress] = []
    run_panel("toy_world:Worker", panel, tmp_path / "parts", num_workers=0, on_progress=told.append)
    assert told[0].num_done == 3
    run_panel("toy_world:Worker", panel, tmp_path / "whole", num_workers=0)
    assert episodes_bytes(tmp_path / "parts") == episodes_bytes(tmp_path / "whole")


@pytest.mark.parametrize(("num_torn_bytes", "num_left"), [(1, 5), (2, 4), (200, 4)])
def test_torn_last_line_is_played_again_unless_it_is_whole(
    panel: Panel, tmp_path: Path, num_torn_bytes: int, num_left: int
) -> None:
    run_panel("toy_world:Worker", panel, tmp_path / "whole", num_workers=0)
    run_panel("toy_world:Worker", panel, tmp_path / "torn", num_workers=0, num_episodes=5)
    (tmp_path / "torn/episodes.jsonl").write_bytes(episodes_bytes(tmp_path / "torn")[:-num_torn_bytes])
    assert len(load_run(tmp_path / "torn").episodes) == num_left
    run_panel("toy_world:Worker", panel, tmp_path / "torn", num_workers=0)
    assert episodes_bytes(tmp_path / "torn") == episodes_bytes(tmp_path / "whole")


def test_damaged_line_is_named(panel: Panel, tmp_path: Path) -> None:
    run_panel("toy_world:Worker", panel, tmp_path, num_workers=0, num_episodes=3)
    lines = episodes_bytes(tmp_path).split(b"\n")
    (tmp_path / "episodes.jsonl").write_bytes(b"\n".join([lines[0], lines[1][:40], *lines[2:]]))
    with pytest.raises(RunError, match=r"episodes.jsonl, line 2, is no episode record"):
        load_run(tmp_path)


def test_killed_run_goes_on_to_the_same_bytes(panel: Panel, tmp_path: Path) -> None:
    write_panel(panel, tmp_path / "toy.json")
    (tmp_path / "slow.py").write_text(
        "import time\nfrom toy_world import Worker\n\n\nclass Slow(Worker):\n"
        "    def act(self, observation, info):\n        time.sleep(0.02)\n"
        "        return super().act(observation, info)\n"
    )
    folder = tmp_path / "run"
    arguments = ["run", "--agent", f"{tmp_path}/slow.py:Slow", "--panel", f"{tmp_path}/toy.json", "--out", str(folder)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "leaderboard", *arguments], env=environment, stderr=subprocess.DEVNULL
    )
    while not (folder / "episodes.jsonl").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert 1 <= len(load_run(folder).episodes) < 12
    run_panel(f"{tmp_path}/slow.py:Slow", panel, folder)
    run_panel(f"{tmp_path}/slow.py:Slow", panel, tmp_path / "whole")
    assert episodes_bytes(folder) == episodes_bytes(tmp_path / "whole")


@pytest.mark.parametrize("num_workers", [0, 1])
def test_crash_is_a_failed_episode(panel: Panel, tmp_path: Path, num_workers: int) -> None:
    run = run_panel("toy_world:Crasher", panel, tmp_path, num_workers=num_workers)
    assert [episode.success for episode in run.episodes] == [True] * 2 + [False] * 10
    error = run.episodes[2].error
    assert error is not None and error.startswith("ValueError: no idea\n  leaderboard/toy_world.py, line ")
    assert 'raise ValueError("no idea")' in error and len(error.splitlines()) == 2
    assert run.episodes[2].score == 0 and run.episodes[2].num_turns == 2


def test_reply_that_is_no_string_is_a_failed_episode(panel: Panel, tmp_path: Path) -> None:
    run = run_panel("toy_world:Mute", panel, tmp_path, num_episodes=2, num_workers=0)
    assert [episode.error for episode in run.episodes] == [
        "TypeError: a reply must be a string, got NoneType (None)"
    ] * 2


@pytest.mark.parametrize("num_workers", [0, 1])
@pytest.mark.parametrize("agent", ["Chooser", "Halver", "HalfCrasher", "Reasoner"])
def test_whatever_an_agent_says_is_recorded_and_verifies(
    panel: Panel, tmp_path: Path, agent: str, num_workers: int
) -> None:
    run = run_panel(f"toy_world:{agent}", panel, tmp_path, num_workers=num_workers)
    assert len(run.episodes) == 12 and verify_run(run) == []
    errors = {episode.error and episode.error.split("\n")[0] for episode in run.episodes}
    assert errors == ({"ValueError: \ufffd \ufffd"} if agent == "HalfCrasher" else {None})


def test_numbers_and_words_of_numpy_are_recorded(panel: Panel, tmp_path: Path) -> None:
    turn = run_panel("toy_world:Chooser", panel, tmp_path, num_episodes=1).episodes[0].turns[0]
    assert turn.reply == turn.action and turn.action in ("work", "rest") and turn.form == "flat"
    assert (turn.prompt_tokens, turn.reply_tokens, turn.finish_reason) == (7, 2, "stop")


def test_half_a_surrogate_pair_is_replaced(panel: Panel, tmp_path: Path) -> None:
    episode = run_panel("toy_world:Halver", panel, tmp_path, num_episodes=3).episodes[2]
    assert episode.success and episode.segments[1].subgoal == "part 1\ufffd"
    assert episode.turns[0].reply == "<switch>KEEP</switch><subgoal>part 0\ufffd</subgoal><action>work</action>"


def test_react_and_cut_off_replies_are_told_apart(panel: Panel, tmp_path: Path) -> None:
    run = run_panel("toy_world:Reasoner", panel, tmp_path, num_episodes=6)
    turns = [turn for episode in run.episodes for turn in episode.turns]
    assert [turn.is_cut_off for turn in run.episodes[5].turns] == [False, False, False, True, False, False, False]
    assert {turn.form for turn in turns} == {"react", "flat"} and not any(turn.is_ill_formed for turn in turns)
    metrics = score_run(run).metrics
    assert metrics["ill_formed"].value == 0
    assert metrics["cut_off"].value == 100 * sum(turn.is_cut_off for turn in turns) / len(turns) > 0


def test_lost_process_had_been_read_without_regard_to_case(panel: Panel, tmp_path: Path) -> None:
    run = run_panel("toy_world:Shouter", panel, tmp_path, num_workers=1)
    assert [episode.success for episode in run.episodes[:6]] == [True] * 5 + [False]
    lost = run.episodes[5]
    assert lost.ignores_case and "WorkerLostError" in str(lost.error)
    assert [turn.action for turn in lost.turns] == ["work"] * 5 and ">WORK<" in lost.turns[0].reply
    assert verify_run(run) == []


def test_agent_that_ends_its_process_keeps_its_turns(panel: Panel, tmp_path: Path) -> None:
    run = run_panel("toy_world:Quitter", panel, tmp_path, num_workers=2)
    assert [episode.error is None for episode in run.episodes] == [True, True] + [False, True] * 5
    lost = run.episodes[2]
    assert lost.error == "WorkerLostError: the agent's process ended with exit code 3"
    assert [turn.action for turn in lost.turns] == ["work", "work"]
    assert [segment.end_reason for segment in lost.segments] == ["error"]


def test_slow_turn_is_a_failed_episode(panel: Panel, tmp_path: Path) -> None:
    run = run_panel("toy_world:Sleeper", panel, tmp_path, num_episodes=3, turn_seconds=0.2)
    assert [episode.error for episode in run.episodes] == [
        None,
        None,
        "TurnTimeoutError: no reply within 0.2 seconds",
    ]
    assert run.episodes[2].num_turns == 2


def test_agent_that_cannot_be_interrupted_is_stopped(
    panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_process, "GRACE_SECONDS", 0.3)
    run = run_panel("toy_world:StubbornSleeper", panel, tmp_path, num_episodes=2, turn_seconds=0.2)
    assert ["had to be stopped" in str(episode.error) for episode in run.episodes] == [True, True]


def test_agent_cannot_reach_the_protocol_or_the_world(panel: Panel, tmp_path: Path) -> None:
    run = run_panel("toy_world:Chatty", panel, tmp_path, num_episodes=4)
    assert all(episode.success for episode in run.episodes)
    assert (tmp_path / "agent.log").read_text().count("I am thinking") == 1 + 2 + 3 + 4


def test_other_agent_or_panel_is_refused(panel: Panel, tmp_path: Path) -> None:
    run_panel("toy_world:Worker", panel, tmp_path, num_episodes=1, num_workers=0)
    with pytest.raises(RunError, match="holds a run with agent 'toy_world:Worker', not 'toy_world:Crasher'"):
        run_panel("toy_world:Crasher", panel, tmp_path, num_workers=0)
    with pytest.raises(RunError, match="holds a run with seed 0, not 5"):
        run_panel("toy_world:Worker", panel, tmp_path, seed=5, num_workers=0)


def test_edited_agent_is_refused(panel: Panel, tmp_path: Path) -> None:
    source = tmp_path / "mine.py"
    source.write_text("from toy_world import Worker as Mine\n")
    run_panel(f"{source}:Mine", panel, tmp_path / "run", num_episodes=1, num_workers=0)
    source.write_text("from toy_world import Dawdler as Mine\n")
    with pytest.raises(RunError, match=r"mine\.py has changed since the run in '.*/run' began: .* --name or --out"):
        run_panel(f"{source}:Mine", panel, tmp_path / "run", num_workers=0)
    source.unlink()
    with pytest.raises(AgentError, match=r"there is no file '.*mine\.py'"):
        run_panel(f"{source}:Mine", panel, tmp_path / "run", num_workers=0)


def test_two_runs_into_one_folder_are_refused(panel: Panel, tmp_path: Path) -> None:
    def run_again(progress: Progress) -> None:
        with pytest.raises(RunError, match="another process is writing"):
            run_panel("toy_world:Worker", panel, tmp_path, num_workers=0)

    run_panel("toy_world:Worker", panel, tmp_path, num_episodes=1, num_workers=0, on_progress=run_again)
    assert len(load_run(tmp_path).episodes) == 1


def test_agent_that_cannot_be_made_leaves_no_run(panel: Panel, tmp_path: Path) -> None:
    for num_workers in (0, 1):
        with pytest.raises(AgentError, match="could not be made without arguments: RuntimeError: no weights"):
            run_panel("toy_world:Unready", panel, tmp_path / "runs/toy", num_workers=num_workers)
        with pytest.raises(AgentError, match="did you mean 'Worker'"):
            run_panel("toy_world:Wroker", panel, tmp_path / "runs/toy", num_workers=num_workers)
        assert not list(tmp_path.iterdir())
    assert run_panel("toy_world:Worker", panel, tmp_path, num_episodes=1, num_workers=0).header.name == "Worker"


def test_agent_that_prints_before_it_is_refused_keeps_its_log(panel: Panel, tmp_path: Path) -> None:
    (tmp_path / "loud.py").write_text("import os\nprint('no licence', flush=True)\nos._exit(4)\n")
    with pytest.raises(AgentError, match=r"ended with exit code 4; see .*agent\.log"):
        run_panel(f"{tmp_path}/loud.py:Agent", panel, tmp_path / "run")
    assert (tmp_path / "run/agent.log").read_text() == "no licence\n"


def test_broken_world_stops_the_run(panel: Panel, tmp_path: Path) -> None:
    for num_workers in (0, 1):
        with pytest.raises(WorldError, match=r"task 'pick_two_obj_and_place-1': ZeroDivisionError: the toy is broken"):
            run_panel("toy_world:Vandal", panel, tmp_path, num_workers=num_workers)


def test_seed_is_added_to_the_tasks(panel: Panel, tmp_path: Path) -> None:
    run = run_panel("toy_world:Worker", panel, tmp_path, num_episodes=2, num_workers=0, seed=100)
    assert [episode.seed for episode in run.episodes] == [100, 101]
    assert "(101)" in run.episodes[1].reset_observation
