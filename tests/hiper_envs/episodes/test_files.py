"""Records come back from disk as they were, also from a killed writer, and replay."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from gymnasium.wrappers import TimeLimit

from hiper_envs import Episode, SubgoalWrapper, play_episode, write_reply
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
    ],
)
def test_replay_finds_what_was_changed(corridor: Any, episodes: list[Episode], change: Any, field: str) -> None:
    changed = msgspec.structs.replace(episodes[0], **change)
    assert [difference.field for difference in replay(changed, SubgoalWrapper(corridor()))] == [field]


def test_replay_finds_changed_and_added_turns(corridor: Any, episodes: list[Episode]) -> None:
    turns = list(episodes[0].turns)
    turns[0] = msgspec.structs.replace(turns[0], reward=9.0, observation="x", segment=4)
    turns.append(msgspec.structs.replace(turns[1], number=2))
    changed = msgspec.structs.replace(episodes[0], turns=turns)
    found = replay(changed, SubgoalWrapper(corridor()))
    assert [(d.turn, d.field) for d in found] == [(0, "observation"), (0, "reward"), (0, "segment"), (2, "turn")]
    assert "reward of turn 0: recorded 9.0, replayed -0.125" in str(found[1])
