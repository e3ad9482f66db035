"""A run that is true verifies; every kind of lie in it is found."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hiper_envs import Episode
from hiper_envs.episodes.play import EpisodeRecorder
from leaderboard.panels.panel import Panel
from leaderboard.play.run_folder import RunError, load_run
from leaderboard.play.runner import run_panel
from leaderboard.scoring.verification import verify_run

Edit = Callable[[dict[str, Any]], None]


@pytest.mark.parametrize("agent", ["Worker", "Dawdler", "Crasher", "Mute"])
def test_true_run_verifies(panel: Panel, tmp_path: Path, agent: str) -> None:
    seen: list[int] = []
    assert verify_run(run_panel(f"toy_world:{agent}", panel, tmp_path, num_workers=0, seed=3), seen.append) == []
    assert seen == list(range(12))


def edit_episode(folder: Path, position: int, edit: Edit) -> None:
    path = folder / "episodes.jsonl"
    rows = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
    edit(rows[position])
    path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))


def set_step(turn: int, /, **fields: Any) -> Edit:
    return lambda row: row["steps"][turn].update(fields)


@pytest.mark.parametrize(
    ("position", "edit", "field", "turn"),
    [
        (3, set_step(1, observation="You work. 99 left."), "observation", 1),
        (3, set_step(3, reward=0.5), "reward", 3),
        (3, set_step(2, reply="rest"), "action", 2),
        (3, set_step(2, segment=0), "segment", 2),
        (3, set_step(0, turn=5), "turns", None),
        (3, lambda row: row.update(reset_observation="Rest!"), "observation", -1),
        (3, lambda row: row.update(instruction="rest"), "instruction", None),
        (10, lambda row: row.update(score=1.0), "score", None),
        (10, lambda row: row.update(success=True), "success", None),
        (10, lambda row: row.update(steps=row["steps"][:4], truncated=True), "truncated", None),
        (10, lambda row: row.update(truncated=False), "end", None),
        (3, set_step(1, problems=["no complete <switch>...</switch>"]), "problems", 1),
        (3, set_step(1, form="flat"), "form", 1),
        (3, lambda row: row.update(reply_version=1), "form", 0),
        (3, lambda row: row["segments"][0].update(subgoal="rest"), "segments", None),
        (3, lambda row: row["segments"][1].update(reward=2.0), "segments", None),
    ],
)
def test_lie_is_found(panel: Panel, tmp_path: Path, position: int, edit: Edit, field: str, turn: int | None) -> None:
    run_panel("toy_world:Worker", panel, tmp_path, num_workers=0)
    edit_episode(tmp_path, position, edit)
    found = verify_run(load_run(tmp_path))
    assert {row.position for row in found} == {position}
    assert (field, turn) in [(row.difference.field, row.difference.turn) for row in found]
    assert f"episode {position} (" in str(found[0])


def test_unread_replies_are_found(panel: Panel, tmp_path: Path) -> None:
    """A record that says of an agent in capitals that case counted, or that it did not."""
    run_panel("toy_world:Shouter", panel, tmp_path, num_workers=0, num_episodes=5)
    edit_episode(tmp_path, 3, lambda row: row.pop("ignores_case"))
    found = {(row.position, row.difference.field) for row in verify_run(load_run(tmp_path))}
    assert {(3, "action"), (3, "score"), (3, "problems")} <= found and {position for position, _ in found} == {3}


def test_version_of_replies_that_nobody_knows_is_refused(panel: Panel, tmp_path: Path) -> None:
    run_panel("toy_world:Worker", panel, tmp_path, num_workers=0, num_episodes=2)
    edit_episode(tmp_path, 1, lambda row: row.update(reply_version=7))
    with pytest.raises(RunError, match=r"line 2: replies are read by version 1 to 2, got 7"):
        load_run(tmp_path)


def test_run_from_before_replies_had_forms_verifies(panel: Panel, tmp_path: Path) -> None:
    """Replies that came to mean something else are read as they were."""
    run_panel("toy_world:Worker", panel, tmp_path, num_workers=0, num_episodes=8)
    earlier = [
        ("<think><action>work</action></think><action>rest</action>", "work"),
        ("<action><action>work</action></action>", "<action>work"),
        ("<action>work</action>", "work"),
        ("work", "work"),
    ]

    def write_earlier(row: dict[str, Any]) -> None:
        episode = play_earlier(panel, [reply for reply, _ in earlier] * 2, row["task_id"], row["seed"])
        row.clear()
        row.update(msgspec.to_builtins(episode))

    edit_episode(tmp_path, 7, write_earlier)
    run = load_run(tmp_path)
    assert [turn.action for turn in run.episodes[7].turns[:4]] == [action for _, action in earlier]
    assert verify_run(run) == []
    edit_episode(tmp_path, 7, lambda row: row.update(reply_version=2))
    assert {row.difference.field for row in verify_run(load_run(tmp_path))} >= {"action", "problems", "form"}


def play_earlier(panel: Panel, replies: list[str], task: str, seed: int) -> Episode:
    """Return the record that the first version of the suite wrote: without forms or what they were read by."""
    env = panel.make_env()
    recorder = EpisodeRecorder(env, "Worker")
    recorder.reset(task, seed)
    recorder.reset_observation, recorder.info = env.reset(seed=seed, options={"task": task, "reply_version": 1})
    for reply in replies:
        if not recorder.is_done:
            recorder.step(reply)
    return recorder.finish()


def test_repeated_and_foreign_episodes_are_refused(panel: Panel, tmp_path: Path) -> None:
    run_panel("toy_world:Worker", panel, tmp_path, num_workers=0)
    path = tmp_path / "episodes.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + whole.splitlines(keepends=True)[0])
    with pytest.raises(RunError, match="two episodes of task 'pick_two_obj_and_place-1' with seed 0"):
        load_run(tmp_path)
    path.write_bytes(whole)
    edit_episode(tmp_path, 0, lambda row: row.update(task_id="easy-1"))
    with pytest.raises(RunError, match="not in its panel: of task 'easy-1'"):
        load_run(tmp_path)


def test_panel_of_a_run_cannot_be_edited(panel: Panel, tmp_path: Path) -> None:
    run_panel("toy_world:Worker", panel, tmp_path, num_workers=0)
    path = tmp_path / "panel.json"
    path.write_text(path.read_text().replace('"max_turns": 8', '"max_turns": 80'))
    with pytest.raises(RunError, match="was edited after it was frozen"):
        load_run(tmp_path)


def test_records_of_a_run_are_episodes(panel: Panel, tmp_path: Path) -> None:
    run_panel("toy_world:Worker", panel, tmp_path, num_workers=0, num_episodes=1)
    episode = msgspec.json.decode((tmp_path / "episodes.jsonl").read_bytes(), type=Episode)
    assert episode.seconds is None and episode.turns[0].seconds is None
