"""Records come back from disk as they were, also from a killed writer, and replay."""

import io
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from gymnasium.wrappers import TimeLimit

from hiper_envs import Episode, EpisodeWriter, Segment, SubgoalWrapper, Turn, play_episode, write_reply
from hiper_envs.episodes import files
from hiper_envs.episodes import replay as replaying
from hiper_envs.episodes.files import RecordError, read_episodes, write_episodes
from hiper_envs.episodes.replay import replay

NAMES = ["run.jsonl", "run.jsonl.zst"]


class Walker:
    def reset(self, seed: int) -> None:
        pass

    def act(self, observation: str, info: Any) -> str:
        return write_reply("forward", "é\n你", False)


@pytest.fixture
def episodes(corridor: Any) -> list[Episode]:
    env = SubgoalWrapper(TimeLimit(corridor(), 4))
    return [play_episode(env, Walker(), task=task, seed=task) for task in (0, 1, 2)]


@pytest.mark.parametrize("name", NAMES)
def test_written_episodes_are_read_back(tmp_path: Path, episodes: list[Episode], name: str) -> None:
    path = tmp_path / "new folder" / name
    assert write_episodes(path, episodes[:1]) == 1
    assert write_episodes(path, episodes[1:]) == 2
    assert list(read_episodes(path)) == episodes


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("lost", [1, 40])
def test_torn_end_is_dropped_or_refused(tmp_path: Path, episodes: list[Episode], name: str, lost: int) -> None:
    path = tmp_path / name
    write_episodes(path, episodes)
    path.write_bytes(path.read_bytes()[:-lost])
    is_whole = lost == 1 and path.suffix == ".jsonl"
    assert list(read_episodes(path, drops_torn_end=True)) == episodes[: 3 if is_whole else 2]
    if lost == 40:
        with pytest.raises(RecordError, match=name):
            list(read_episodes(path))
    write_episodes(path, episodes[2:])
    assert list(read_episodes(path)) == [*episodes[: 3 if is_whole else 2], episodes[2]]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b"{}\n", "line 1, is no episode record.*env_id"),
        (b"nonsense\n", "line 1, is no episode record"),
        (b"\xff\xfe\n", "line 1, is no episode record"),
        (b'{"env_id": "\xff"}\n', "line 1, is no episode record"),
        (b'{"env_options": {"a": ' + b"[" * 100_000 + b"\n", "line 1, is no episode record"),
        (b'{"seed": 1e999}\n', "line 1, is no episode record"),
    ],
)
def test_broken_line_is_named(tmp_path: Path, line: bytes, sentence: str) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_bytes(line)
    with pytest.raises(RecordError, match=sentence):
        list(read_episodes(path))


def test_a_byte_order_mark_is_passed_over(tmp_path: Path, episodes: list[Episode]) -> None:
    path = tmp_path / "marked.jsonl"
    write_episodes(path, episodes)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert list(read_episodes(path)) == episodes
    write_episodes(path, episodes[:1])
    assert list(read_episodes(path)) == [*episodes, episodes[0]]


def test_newer_version_and_missing_file_get_a_sentence(tmp_path: Path, episodes: list[Episode]) -> None:
    write_episodes(tmp_path / "new.jsonl", [msgspec.structs.replace(episodes[0], version=99)])
    with pytest.raises(RecordError, match="version 99, this suite reads up to 1"):
        list(read_episodes(tmp_path / "new.jsonl"))
    write_episodes(tmp_path / "old.jsonl", [msgspec.structs.replace(episodes[0], version=0)])
    with pytest.raises(RecordError, match="line 1, has record version 0; versions count from 1"):
        list(read_episodes(tmp_path / "old.jsonl"))
    with pytest.raises(RecordError, match="does not exist"):
        list(read_episodes(tmp_path / "nothing.jsonl"))


EARLIER = (
    b'{"env_id":"Corridor-v0","env_options":{},"task_id":"corridor-2","seed":0,"agent":"Walker",'
    b'"instruction":"walk to the end","reset_observation":"You stand at 0 of 2.","steps":['
    b'{"turn":0,"reply":"<think><action>wait</action></think><action>forward</action>","action":"wait",'
    b'"observation":"You stand at 0 of 2.","reward":-0.125,"segment":0,"is_boundary":true,"problems":'
    b'["no complete <switch>...</switch>","no complete <subgoal>...</subgoal>","2 <action> tags: the first counts"]},'
    b'{"turn":1,"reply":"<action>forward</action>","action":"forward","observation":"You stand at 1 of 2.",'
    b'"reward":-0.125,"segment":0,"is_boundary":false,"problems":'
    b'["no complete <switch>...</switch>","no complete <subgoal>...</subgoal>"]},'
    b'{"turn":2,"reply":"forward","action":"forward","observation":"You stand at 2 of 2.","reward":1.0,"segment":0,'
    b'"is_boundary":false,"problems":["no tags: the whole reply was taken as the action"],"reply_tokens":3}],'
    b'"segments":[{"start":0,"end":3,"subgoal":"","reward":0.75,"end_reason":"success"}],'
    b'"score":1.0,"success":true,"terminated":true,"truncated":false}\n'
)


def test_record_from_before_replies_had_forms_is_kept_and_replays(corridor: Any, tmp_path: Path) -> None:
    (tmp_path / "earlier.jsonl").write_bytes(EARLIER)
    (episode,) = read_episodes(tmp_path / "earlier.jsonl")
    write_episodes(tmp_path / "again.jsonl", [episode])
    assert (tmp_path / "again.jsonl").read_bytes() == EARLIER
    assert replay(episode, SubgoalWrapper(corridor())) == []
    assert [turn.is_ill_formed for turn in episode.turns] == [True, False, False]
    assert [len(turn.faults) for turn in episode.turns] == [3, 0, 0]


def test_reading_is_lazy(tmp_path: Path, episodes: list[Episode]) -> None:
    path = tmp_path / "run.jsonl"
    write_episodes(path, episodes)
    with path.open("ab") as file:
        file.write(b"nonsense\n")
    assert next(read_episodes(path)) == episodes[0]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    (tmp_path / "folder").mkdir()
    for path, sentence in (
        (tmp_path / name, "it is a named pipe, not a file"),
        (tmp_path / "folder", "Is a directory"),
        (Path("/dev/zero"), "it is a device, not a file"),
    ):
        with pytest.raises(RecordError, match=sentence):
            list(read_episodes(path))
    for path in (tmp_path / name, Path("/dev/zero")):
        with pytest.raises(OSError, match="not a file"):
            EpisodeWriter(path)


def test_what_could_not_be_read_again_is_not_written(tmp_path: Path, episodes: list[Episode]) -> None:
    path = tmp_path / "run.jsonl"
    write_episodes(path, episodes[:1])
    turns = [msgspec.structs.replace(episodes[1].turns[0], reward=float("nan"))]
    for change in (
        {"turns": turns},
        {"score": float("inf")},
        {"env_options": {"games": object()}},
        {"agent": "\ud800"},
    ):
        with pytest.raises(RecordError, match=r"the episode of task 'corridor-3' by .* cannot be written as a record"):
            write_episodes(path, [msgspec.structs.replace(episodes[1], **change)])
    write_episodes(path, episodes[2:])
    assert list(read_episodes(path)) == [episodes[0], episodes[2]]


@pytest.mark.parametrize("end", [b"", b"x" * 30, b'{"torn'])
@pytest.mark.parametrize("is_ended", [True, False])
def test_opening_to_append_reads_the_last_line_only(
    tmp_path: Path, episodes: list[Episode], monkeypatch: pytest.MonkeyPatch, end: bytes, is_ended: bool
) -> None:
    monkeypatch.setattr(files, "CHUNK_BYTES", 256)
    line = files.encode_episode(episodes[0])
    path = tmp_path / "run.jsonl"
    path.write_bytes(b"".join([line + b"\n"] * 50 + [line + (b"\n" if is_ended or end else b""), end]))
    read: list[int] = []

    class Counted(io.FileIO):
        def read(self, size: int | None = -1, /) -> bytes:
            content = super().read(-1 if size is None else size)
            read.append(len(content))
            return content

    with Counted(path) as file:
        whole, needs_newline = files._find_end_of_lines(file)  # type: ignore[arg-type]
    assert sum(read) <= len(line) + 256 + len(end) and needs_newline == (not is_ended and not end)
    write_episodes(path, episodes[1:])
    assert list(read_episodes(path)) == [episodes[0]] * 51 + episodes[1:]
    assert whole <= path.stat().st_size


def test_every_field_is_replayed_or_known_to_the_agent_alone() -> None:
    """A new field of a record goes into one of these lists, so that no replay forgets it."""
    said_by_agent_or_clock = {
        "seconds", "prompt_tokens", "reply_tokens", "cost", "finish_reason", "error",
    }  # fmt: skip
    identity = {"env_id", "env_options", "seed", "agent", "version"}  # the leaderboard holds them against its panel
    read_by = {"reply_version", "ignores_case", "milestone_version"}  # the replay reads by them
    special = {"number", "reply", "turns", "reset_observation", "truncated", "error_kind"}
    replayed = {*replaying.REPLAYED_OF_TURNS, *replaying.REPLAYED_AT_RESET, *replaying.REPLAYED_AT_END}
    fields = {*Turn.__struct_fields__, *Episode.__struct_fields__}
    assert fields <= replayed | said_by_agent_or_clock | identity | read_by | special


def test_replay_of_a_true_record_finds_nothing(corridor: Any, episodes: list[Episode]) -> None:
    assert [replay(episode, SubgoalWrapper(corridor())) for episode in episodes] == [[], [], []]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"score": 0.5}, "score"),
        ({"success": False}, "success"),
        ({"instruction": "fly"}, "instruction"),
        ({"reset_observation": "?"}, "observation"),
        ({"terminated": False}, "terminated"),
        ({"reward_parts": {"r_type": 1.0}}, "reward_parts"),
        ({"task_id": "corridor-02"}, "task_id"),
        ({"segments": [Segment(0, 2, "walk", 0.875, "success")]}, "segments"),
        ({"error_kind": "around"}, "error_kind"),
    ],
)
def test_replay_finds_what_was_changed(corridor: Any, episodes: list[Episode], change: Any, field: str) -> None:
    changed = msgspec.structs.replace(episodes[0], **change)

    class Forgiving(corridor):  # type: ignore[misc]
        def reset(self, **options: Any) -> Any:
            super().reset(seed=options["seed"], options={"task": 0})
            return self._text(), self._info()

    assert [difference.field for difference in replay(changed, SubgoalWrapper(Forgiving()))] == [field]


def test_replay_finds_changed_and_added_turns(corridor: Any, episodes: list[Episode]) -> None:
    turns = list(episodes[0].turns)
    turns[0] = msgspec.structs.replace(turns[0], reward=9.0, observation="x", segment=4)
    turns.append(msgspec.structs.replace(turns[1], number=2))
    changed = msgspec.structs.replace(episodes[0], turns=turns)
    found = replay(changed, SubgoalWrapper(corridor()))
    assert [(d.turn, d.field) for d in found] == [(0, "observation"), (0, "reward"), (0, "segment"), (2, "turn")]
    assert "reward of turn 0: recorded 9.0, replayed -0.125" in str(found[1])


def break_off(episode: Episode, num_turns: int, **changes: Any) -> Episode:
    last = msgspec.structs.replace(episode.segments[0], end=num_turns, reward=-0.125 * num_turns, end_reason="error")
    whole = {"success": False, "score": 0.0, "terminated": False, "truncated": False, "error": "ValueError: lost"}
    whole |= {"turns": episode.turns[:num_turns], "segments": [last] if num_turns else []}
    return msgspec.structs.replace(episode, **(whole | changes))


@pytest.mark.parametrize("num_turns", [0, 2])
def test_replay_of_a_broken_off_record(corridor: Any, episodes: list[Episode], num_turns: int) -> None:
    env = SubgoalWrapper(corridor())
    assert replay(break_off(episodes[1], num_turns), env) == []
    for change in ({"score": 0.5}, {"success": True}, {"terminated": True}, {"truncated": True}):
        found = replay(break_off(episodes[1], num_turns, **change), env)
        assert [difference.field for difference in found] == list(change)


def test_a_finished_episode_did_not_break_off(corridor: Any, episodes: list[Episode]) -> None:
    found = replay(msgspec.structs.replace(episodes[0], error="ValueError: lost"), SubgoalWrapper(corridor()))
    assert ("error", "the episode was over") in [(difference.field, difference.replayed) for difference in found]


def test_an_episode_has_an_end(corridor: Any, episodes: list[Episode]) -> None:
    subgoal = episodes[1].segments[0].subgoal
    endless = break_off(episodes[1], 2, error=None, segments=[Segment(0, 2, subgoal, -0.25, "truncation")])
    assert [difference.field for difference in replay(endless, SubgoalWrapper(corridor()))] == ["end"]
    cut = msgspec.structs.replace(endless, truncated=True)
    assert replay(cut, SubgoalWrapper(corridor())) == []


def test_replay_imports_nothing(episodes: list[Episode]) -> None:
    for env_id in ("antigravity:Env-v0", "CartPole-v1", "GymV21Environment-v0", "Corridor-v9"):
        with pytest.raises(ValueError, match=r"would import the module 'antigravity'|there is no environment"):
            replay(msgspec.structs.replace(episodes[0], env_id=env_id))
