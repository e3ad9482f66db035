"""Segments partition the turns, whatever the agent says."""

import pickle
from typing import Any

import gymnasium as gym
import pytest
from gymnasium.wrappers import TimeLimit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hiper_envs import Segment, SubgoalWrapper, write_reply
from hiper_envs.reply import Reply, Spans
from hiper_envs.segments import SegmentTracker
from hiper_envs.vector import TextVectorEnv

turns = st.lists(
    st.tuples(
        st.sampled_from(["forward", "back", "wait"]), st.sampled_from(["a", "b", ""]), st.booleans()
    ),
    min_size=1,
    max_size=12,
)  # fmt: skip
quick = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def play(env: gym.Env[str, str], replies: list[str]) -> tuple[list[dict[str, Any]], list[float]]:
    env.reset(seed=0, options={"task": 1})
    infos, rewards = [], []
    for reply in replies:
        _, reward, terminated, truncated, info = env.step(reply)
        infos.append(info)
        rewards.append(float(reward))
        if terminated or truncated:
            break
    return infos, rewards


@quick
@given(turns)
def test_segments_partition_the_turns_and_their_rewards_add_up(corridor: Any, script: Any) -> None:
    env = SubgoalWrapper(TimeLimit(corridor(), len(script)))
    infos, rewards = play(env, [write_reply(*turn) for turn in script])
    segments: list[Segment] = infos[-1]["segments"]
    assert [turn for segment in segments for turn in range(segment.start, segment.end)] == list(range(len(rewards)))
    assert [segment.reward for segment in segments] == [sum(rewards[s.start : s.end]) for s in segments]
    assert [info["segment"]["index"] for info in infos] == [
        index for index, segment in enumerate(segments) for _ in range(segment.num_turns)
    ]
    assert [i for i, info in enumerate(infos) if info["segment"]["is_boundary"]] == [s.start for s in segments]
    assert all(s.end_reason == "switch" for s in segments[:-1])
    assert segments[-1].end_reason == ("success" if infos[-1]["success"] else "truncation")
    assert [s.subgoal for s in segments] == [script[s.start][1] for s in segments]


@quick
@given(turns, st.integers(0, 12))
def test_cutting_the_turns_commutes_with_cutting_the_segments(script: Any, cut: int) -> None:
    """Segments of the first `cut` turns are the segments of all, clipped at `cut`."""
    whole, head = (track(script[:end]) for end in (len(script), cut))
    clipped = [(s.start, min(s.end, cut), s.subgoal) for s in whole if s.start < cut]
    assert [(s.start, s.end, s.subgoal) for s in head] == clipped


def track(script: list[tuple[str, str, bool]]) -> list[Segment]:
    tracker = SegmentTracker()
    for action, subgoal, switches in script:
        tracker.declare(Reply(action, subgoal, switches))
        tracker.earn(1.0)
    return list(tracker.finish("truncation"))


@quick
@given(turns)
def test_vector_equals_single(corridor: Any, script: Any) -> None:
    replies = [write_reply(*turn) for turn in script]
    single, _ = play(SubgoalWrapper(TimeLimit(corridor(), len(script))), replies)
    vector = TextVectorEnv(
        corridor, 3, max_episode_steps=len(script), subgoals=True, autoreset_mode="Disabled"
    )  # fmt: skip
    vector.reset(seed=0, options={"task": 1})
    for info, reply in zip(single, replies, strict=False):
        *_, infos = vector.step([reply] * 3)
        assert [infos["segment"]["index"][i] for i in range(3)] == [info["segment"]["index"]] * 3
        assert [infos["segment"]["subgoal"][i] for i in range(3)] == [info["segment"]["subgoal"]] * 3
    assert list(infos["segments"]) == [single[-1]["segments"]] * 3


def test_keep_ignores_the_copy_and_switch_opens_even_under_the_same_words(corridor: Any) -> None:
    env = SubgoalWrapper(corridor())
    replies = [("wait", "a", False), ("wait", "copied badly", False), ("wait", "a", True), ("forward", "", False)]
    infos, _ = play(env, [write_reply(*reply) for reply in replies])
    assert [info["segment"]["subgoal"] for info in infos] == ["a", "a", "a", "a"]
    assert [info["segment"]["age"] for info in infos] == [0, 1, 0, 1]
    assert [info["segment"]["index"] for info in infos] == [0, 0, 1, 1]


def test_flat_agent_plays_one_segment_without_tags(corridor: Any) -> None:
    infos, _ = play(SubgoalWrapper(corridor()), ["forward"] * 3)
    assert infos[-1]["segments"] == [Segment(0, 3, "", 0.75, "success")]
    assert "no tags" in infos[0]["reply_problems"][0] and infos[0]["reply_form"] == "flat"


def test_info_tells_where_the_parts_stand(corridor: Any) -> None:
    env = SubgoalWrapper(corridor())
    _, info = env.reset()
    assert (info["reply_form"], info["reply_spans"]) == (None, Spans())
    reply = "<think>on</think><switch>SWITCH</switch><subgoal>walk \ud83d</subgoal><action>forward</action>"
    *_, info = env.step(reply)
    assert [reply[slice(*span)] for span in info["reply_spans"]] == ["SWITCH", "walk \ud83d", "forward"]
    assert (info["segment"]["subgoal"], info["reply_form"]) == ("walk \ufffd", "hierarchical")


def test_reset_forgets_and_says_that_nothing_was_opened(corridor: Any) -> None:
    env = SubgoalWrapper(corridor())
    play(env, ["forward"] * 2)
    _, info = env.reset()
    assert info["segment"] == {"index": -1, "subgoal": "", "is_boundary": False, "age": 0}
    assert env.step("wait")[4]["segment"]["is_boundary"]


def test_action_that_is_no_string_is_refused_and_changes_nothing(corridor: Any) -> None:
    env = SubgoalWrapper(corridor())
    env.reset()
    with pytest.raises(TypeError, match="a reply must be a string, got int"):
        env.step(3)  # type: ignore[arg-type]
    assert env.step("wait")[4]["segment"]["age"] == 0


def test_segments_pickle() -> None:
    segment = Segment(0, 2, "a", 1.0, "switch")
    assert pickle.loads(pickle.dumps(segment)) == segment
