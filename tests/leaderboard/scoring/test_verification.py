"""A run that is true verifies; every kind of lie in it is found."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hiper_envs import Episode
from hiper_envs.episodes.play import EpisodeRecorder
from leaderboard.panels.fingerprint import PanelError
from leaderboard.panels.panel import Panel, seal_panel
from leaderboard.play.run_folder import Run, RunError, RunHeader, load_run, split_times
from leaderboard.play.runner import run_panel
from leaderboard.scoring.verification import WHOLE_RUN, verify_run

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
        (3, set_step(1, is_boundary=True), "is_boundary", 1),
        (3, set_step(0, is_boundary=False), "is_boundary", 0),
        (3, set_step(1, problems=["no complete <switch>...</switch>"]), "problems", 1),
        (3, set_step(1, milestones=["found"]), "milestones", 1),
        (3, lambda row: row.update(milestones=["found"]), "milestones", None),
        (3, lambda row: row.update(reward_parts={"r_type": 1.0}), "reward_parts", None),
        (3, lambda row: row.update(agent="Somebody"), "agent", None),
        (3, lambda row: row.update(env_id="hiper/ALFWorld-v0"), "env_id", None),
        (3, lambda row: row.update(env_options={"manners": "There was"}), "env_options", None),
        (3, lambda row: row.update(error_kind="around"), "error_kind", None),
        (3, lambda row: row.update(error="ValueError: lost", score=0.0, success=False), "error", None),
        (3, lambda row: row.update(error="", score=0.0, success=False), "error", None),
        (3, lambda row: row.update(terminated=False), "terminated", None),
        (3, lambda row: row.update(seconds=1.0), "seconds", None),
        (3, set_step(1, seconds=1.0), "seconds", 1),
        (3, set_step(1, prompt_tokens=-3, reply_tokens=4), "tokens", 1),
        (3, set_step(1, prompt_tokens=3), "tokens", 1),
        (3, set_step(1, reply_tokens=3), "tokens", 1),
        (3, set_step(1, cost=-0.5), "cost", 1),
        (3, set_step(1, reply="break"), "replay", None),
        (3, lambda row: row["steps"].append(row["steps"][-1]), "turn", 4),
        (10, lambda row: row.update(steps=row["steps"][:4], truncated=False), "end", None),
        (10, lambda row: row.update(steps=[], segments=[]), "truncated", None),
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


@pytest.mark.parametrize("version", [-1, 0, 3, 2**63 - 1])
def test_version_of_milestones_that_nobody_knows_is_refused(panel: Panel, tmp_path: Path, version: int) -> None:
    run_panel("toy_world:Worker", panel, tmp_path, num_workers=0, num_episodes=2)
    edit_episode(tmp_path, 1, lambda row: row.update(milestone_version=version))
    with pytest.raises(RunError, match=rf"line 2, counts milestones by version {version}, this suite knows 1 to 2"):
        load_run(tmp_path)


@pytest.mark.parametrize("digits", [20, 400, 5000])
def test_numbers_that_nobody_can_hold_are_refused(panel: Panel, tmp_path: Path, digits: int) -> None:
    run_panel("toy_world:Worker", panel, tmp_path, num_workers=0, num_episodes=1)
    whole = (tmp_path / "episodes.jsonl").read_text()
    number = "9" * digits
    edits = {
        "seed": ('"seed":0', f'"seed":{number}'),
        "version": ('"seed":0', f'"seed":0,"version":{number}'),
        "milestone_version": ('"seed":0', f'"seed":0,"milestone_version":{number}'),
        "reply_version": ('"reply_version":2', f'"reply_version":{number}'),
        "turn": ('"turn":0', f'"turn":{number}'),
        "segment": ('"segment":0', f'"segment":{number}'),
        "prompt_tokens": ('"turn":0', f'"turn":0,"prompt_tokens":{number},"reply_tokens":1'),
        "reply_tokens": ('"turn":0', f'"turn":0,"prompt_tokens":1,"reply_tokens":{number}'),
        "end": ('"end":1', f'"end":{number}'),
    }
    for name, (old, new) in edits.items():
        assert old in whole, name
        (tmp_path / "episodes.jsonl").write_text(whole.replace(old, new, 1))
        with pytest.raises(RunError, match=rf"line 1, is no episode record: .*\.{name}`") as caught:
            load_run(tmp_path)
        assert len(str(caught.value)) < 300


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
    recorder = EpisodeRecorder(panel.make_env(), "Worker", reply_version=1)
    recorder.reset(task, seed)
    for reply in replies:
        if not recorder.is_done:
            recorder.step(reply)
    return split_times(recorder.finish())[0]


def break_off(row: dict[str, Any], **changes: Any) -> None:
    """Make an episode one that broke off after two turns."""
    row.update(steps=row["steps"][:2], score=0.0, success=False, terminated=False, truncated=False, error="E: lost")
    row["segments"] = [{"start": 0, "end": 2, "subgoal": "part 0", "reward": 0.0, "end_reason": "error"}]
    row.update(changes)


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({}, []),
        ({"score": 1.0}, ["score"]),
        ({"success": True, "score": 1.0}, ["score", "success"]),
        ({"truncated": True}, ["truncated"]),
        ({"segments": []}, ["segments"]),
        ({"error": None}, ["segments", "end", "score"]),
    ],
)
def test_broken_off_episode_has_no_score(
    panel: Panel, tmp_path: Path, changes: dict[str, Any], fields: list[str]
) -> None:
    run_panel("toy_world:Worker", panel, tmp_path, num_workers=0)
    (tmp_path / "times.jsonl").unlink()
    edit_episode(tmp_path, 3, lambda row: break_off(row, **changes))
    found = verify_run(load_run(tmp_path))
    assert sorted({row.difference.field for row in found}) == sorted(fields)


@pytest.mark.parametrize("dropped", [range(8, 12), [0], range(12)])
def test_missing_episodes_are_found(panel: Panel, tmp_path: Path, dropped: Sequence[int]) -> None:
    """The four that fail, the first one, all of them."""
    run = run_panel("toy_world:Worker", panel, tmp_path, num_workers=0)
    lines = (tmp_path / "episodes.jsonl").read_bytes().splitlines(keepends=True)
    kept = [line for number, line in enumerate(lines) if number not in dropped]
    (tmp_path / "episodes.jsonl").write_bytes(b"".join(kept))
    (fault,) = verify_run(load_run(tmp_path))
    assert (fault.position, fault.task) == (WHOLE_RUN, run.episodes[dropped[0]].task_id)
    assert str(fault).startswith(
        f"episodes of the run: {len(dropped)} of 12 tasks have no episode that counts, not one"
    )


def test_run_of_the_first_tasks_holds_as_such(panel: Panel, tmp_path: Path) -> None:
    assert verify_run(run_panel("toy_world:Worker", panel, tmp_path, num_workers=0, num_episodes=4)) == []
    lines = (tmp_path / "episodes.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "episodes.jsonl").write_bytes(b"".join(lines[:3]))
    assert [fault.difference.field for fault in verify_run(load_run(tmp_path))] == ["episodes"]


def edit_header(folder: Path, **fields: Any) -> None:
    header = msgspec.json.decode((folder / "run.json").read_bytes())
    (folder / "run.json").write_bytes(msgspec.json.encode(header | fields))


def test_what_was_asked_for_fits_what_was_played(panel: Panel, tmp_path: Path) -> None:
    run_panel("toy_world:Worker", panel, tmp_path, num_workers=0, num_episodes=4)
    edit_header(tmp_path, num_tasks=3)
    (fault,) = verify_run(load_run(tmp_path))
    assert fault.position == WHOLE_RUN and fault.task == panel.tasks[3].task
    assert "1 of the episodes are of tasks that were not asked for" in str(fault)
    run_panel("toy_world:Worker", panel, tmp_path, num_workers=0)
    edit_header(tmp_path, num_tasks=13)
    (fault,) = verify_run(load_run(tmp_path))
    assert fault.difference[1:] == ("num_tasks", 13, "at most the panel's 12")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"version": 0}, "has the layout 0; layouts count from 1"),
        ({"version": -1}, "has the layout -1"),
        ({"turn_seconds": 0.0}, "gives 0 seconds for a turn; it must be more than 0"),
        ({"turn_seconds": -2.0}, "gives -2 seconds"),
        ({"num_tasks": 10**30}, "is not a run's header"),
        ({"seed": 10**30}, "is not a run's header"),
    ],
)
def test_headers_that_make_no_sense_are_refused(
    panel: Panel, tmp_path: Path, fields: dict[str, Any], message: str
) -> None:
    run_panel("toy_world:Worker", panel, tmp_path, num_workers=0, num_episodes=1)
    path = tmp_path / "run.json"
    header = path.read_text()
    for name, value in fields.items():
        header = re.sub(rf'"{name}": \S+?(?=[,\n])', f'"{name}": {value}', header)
    path.write_text(header)
    with pytest.raises(RunError, match=message):
        load_run(tmp_path)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_limits_that_make_no_sense_start_no_run(panel: Panel, tmp_path: Path, seconds: float) -> None:
    with pytest.raises(RunError, match="the time limit of a turn must be a number of seconds above 0"):
        run_panel("toy_world:Worker", panel, tmp_path / "run", num_workers=0, turn_seconds=seconds)
    assert not (tmp_path / "run").exists()


def test_order_of_a_whole_run_is_the_panels(panel: Panel, tmp_path: Path) -> None:
    run_panel("toy_world:Worker", panel, tmp_path, num_workers=0)
    lines = (tmp_path / "episodes.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "episodes.jsonl").write_bytes(b"".join(reversed(lines)))
    assert [str(fault) for fault in verify_run(load_run(tmp_path))] == [
        "order of the run: the file holds them in another order than the panel, not in the panel's, as a run ends;"
        f" the first is {panel.tasks[0].task}"
    ]
    assert verify_run(run_panel("toy_world:Worker", panel, tmp_path, num_workers=0)) == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"turns": [0.1]}, "turns in the times"),
        ({"turns": [0.1, 0.1, 0.1, 9.0]}, "seconds"),
        ({"turns": [0.1, 0.1, 0.1, -0.1]}, "seconds"),
        ({"seconds": -1.0}, "seconds"),
    ],
)
def test_times_fit_the_turns(panel: Panel, tmp_path: Path, change: dict[str, Any], field: str) -> None:
    run = run_panel("toy_world:Worker", panel, tmp_path, num_workers=0)
    time = msgspec.to_builtins(run.times[run.episodes[3].task_id, 3])
    with (tmp_path / "times.jsonl").open("ab") as file:
        file.write(msgspec.json.encode(time | {"seconds": 1.0} | change) + b"\n")
    found = [(fault.position, fault.difference.field) for fault in verify_run(load_run(tmp_path))]
    assert found == [(3, field)]


def test_world_of_a_strangers_module_is_not_imported(panel: Panel, tmp_path: Path) -> None:
    (tmp_path / "wicked.py").write_text("raise SystemExit('imported')\n")
    for env_id in ("wicked:Toy-v0", "toy_worlds:Toy-v0", "wicked:hiper/ALFWorld-v0", "CartPole-v1"):
        foreign = seal_panel(msgspec.structs.replace(panel, env_id=env_id))
        header = RunHeader("A", "a:A", "", foreign.name, foreign.digest, 0, None, {})
        with pytest.raises(PanelError, match=r"would import the module|there is no environment"):
            verify_run(Run(tmp_path, header, foreign, [], {}))


def test_real_records_are_recomputed_as_a_whole(tmp_path: Path) -> None:
    """Reward parts and milestones of a real world, which the toy does not have."""
    run_panel("hiper_agents:rule", "webshop-demo-v1", tmp_path, num_workers=0, num_episodes=2)
    whole = (tmp_path / "episodes.jsonl").read_bytes()
    assert verify_run(load_run(tmp_path)) == []
    edits: dict[str, Edit] = {
        "reward_parts": lambda row: row.pop("reward_parts"),
        "milestones": lambda row: row.pop("milestones"),
    }
    for field, edit in edits.items():
        edit_episode(tmp_path, 0, edit)
        assert field in {fault.difference.field for fault in verify_run(load_run(tmp_path))}
        (tmp_path / "episodes.jsonl").write_bytes(whole)
    edit_episode(tmp_path, 0, lambda row: [step.pop("milestones", None) for step in row["steps"]])
    assert {fault.difference.field for fault in verify_run(load_run(tmp_path))} == {"milestones"}
    (tmp_path / "episodes.jsonl").write_bytes(whole)
    edit_episode(tmp_path, 0, lambda row: row["reward_parts"].update(r_type=0.25))
    assert {fault.difference.field for fault in verify_run(load_run(tmp_path))} == {"reward_parts"}


def test_earlier_rules_of_milestones_hide_no_lie(tmp_path: Path) -> None:
    """Records from before counted some milestones too early; that is no leave to claim any."""
    run_panel("hiper_agents:expert", "alfworld-demo-v2", tmp_path, num_workers=0, num_episodes=1)
    whole = (tmp_path / "episodes.jsonl").read_bytes()
    edit_episode(tmp_path, 0, lambda row: row.update(milestone_version=1))
    assert {fault.difference.field for fault in verify_run(load_run(tmp_path))} == {"milestone_version"}
    (tmp_path / "episodes.jsonl").write_bytes(whole)

    def make_earlier(row: dict[str, Any]) -> None:
        row.update(milestone_version=1, reply_version=1)
        for step in row["steps"]:
            step.pop("form")

    edit_episode(tmp_path, 0, make_earlier)
    earlier = (tmp_path / "episodes.jsonl").read_bytes()
    assert verify_run(load_run(tmp_path)) == []
    name, at = next(
        (name, at)
        for at, step in enumerate(msgspec.json.decode(whole)["steps"])
        for name in step.get("milestones", [])
        if at
    )
    assert earlier.count(b'"milestones":') > 2

    def claim(turn: int, *names: str) -> Edit:
        return lambda row: row["steps"][turn].update(milestones=[*row["steps"][turn].get("milestones", []), *names])

    for turn, names in ((0, ["sold out"]), (at, [name]), (0, [name]), (0, [name, name])):
        edit_episode(tmp_path, 0, claim(turn, *names))
        assert {fault.difference.field for fault in verify_run(load_run(tmp_path))} == {"milestones"}, (turn, names)
        (tmp_path / "episodes.jsonl").write_bytes(earlier)

    def count_early(row: dict[str, Any]) -> None:
        row["steps"][at]["milestones"].remove(name)
        claim(0, name)(row)

    edit_episode(tmp_path, 0, count_early)
    assert verify_run(load_run(tmp_path)) == []


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


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value of a record that holds no others."""
    if isinstance(value, dict | list) and value:
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*path, key))
    else:
        yield path


def change_leaf(row: Any, path: tuple[Any, ...]) -> None:
    for key in path[:-1]:
        row = row[key]
    match old := row[path[-1]]:
        case bool():
            new: Any = not old
        case int() | float():
            new = old + 1
        case str():
            new = (
                "switch"
                if old != "switch" and path[-1] == "end_reason"
                else "failure"
                if old == "switch"
                else old + "x"
            )
        case dict():
            new = {"x": 1.0}
        case _:
            new = ["x"]
    row[path[-1]] = new


@pytest.mark.parametrize(("agent", "position"), [("Worker", 3), ("Dawdler", 5), ("Crasher", 4)])
def test_no_value_of_a_record_can_be_changed(panel: Panel, tmp_path: Path, agent: str, position: int) -> None:
    """Every single one, but for the agent's own words: of an error, and in a reply around its tags."""
    run_panel(f"toy_world:{agent}", panel, tmp_path, num_workers=0)
    whole = (tmp_path / "episodes.jsonl").read_bytes()
    row = msgspec.json.decode(whole.splitlines()[position])
    paths = [path for path in leaves(row) if path[-1] not in ("error", "reply")]
    assert len(paths) > 25
    unnoticed = []
    for path in paths:
        edit_episode(tmp_path, position, lambda row, path=path: change_leaf(row, path))  # type: ignore[misc]
        try:
            if not verify_run(load_run(tmp_path)):
                unnoticed.append(path)
        except RunError:
            pass
        (tmp_path / "episodes.jsonl").write_bytes(whole)
    assert unnoticed == []


def test_no_value_of_a_record_can_be_left_out(panel: Panel, tmp_path: Path) -> None:
    run_panel("toy_world:Dawdler", panel, tmp_path, num_workers=0)
    whole = (tmp_path / "episodes.jsonl").read_bytes()
    names = [*msgspec.json.decode(whole.splitlines()[0]), *msgspec.json.decode(whole.splitlines()[0])["steps"][0]]
    assert {"agent", "truncated", "problems"} <= set(names)
    for name in names:
        for owner in (lambda row: row, lambda row: row["steps"][0]):
            edit_episode(tmp_path, 11, lambda row, owner=owner, name=name: owner(row).pop(name, None))  # type: ignore[misc]
            changed = (tmp_path / "episodes.jsonl").read_bytes() != whole
            try:
                assert bool(verify_run(load_run(tmp_path))) == changed, name
            except RunError:
                pass
            (tmp_path / "episodes.jsonl").write_bytes(whole)
