"""Milestones come from the goal and cut episodes; both kinds of segments run together."""

from typing import Any

import gymnasium as gym
import msgspec
import pytest

import hiper_envs
from hiper_envs import SubgoalWrapper, write_reply
from hiper_envs.alfworld.games.goals import Goal
from hiper_envs.alfworld.milestones import HouseholdMilestones
from hiper_envs.milestones import Agreement, MilestoneWrapper, measure_agreement, measure_record
from hiper_envs.segments import Segment
from tests.scripted import Scripted
from webshop_server import Catalogue

ONE_OF_EACH_KIND = range(0, 134, 5)


def follow_plan(env: gym.Env[str, str], task: Any, switch_on_milestones: bool = True) -> list[dict[str, Any]]:
    _, info = env.reset(seed=0, options={"task": task})
    infos, is_over = [], False
    while not is_over:
        reply = write_reply(info["expert_plan"][0], "go on", switch_on_milestones and bool(info["new_milestones"]))
        _, _, terminated, truncated, info = env.step(reply)
        infos.append(info)
        is_over = terminated or truncated
    return infos


@pytest.mark.parametrize(
    ("env_id", "options", "tasks"),
    [
        ("hiper/ALFWorld-v0", {"split": "valid_unseen"}, ONE_OF_EACH_KIND),
        ("hiper/WebShop-v0", {"split": "test"}, range(12)),
    ],
)
def test_a_plan_reaches_all_milestones_and_they_partition_it(env_id: str, options: Any, tasks: Any) -> None:
    env = SubgoalWrapper(MilestoneWrapper(gym.make(env_id, expert_plan=True, **options)))
    for task in tasks:
        infos = follow_plan(env, task)
        end = infos[-1]
        assert end["success"] and sorted(end["milestones"]) == sorted(end["all_milestones"])
        segments = end["milestone_segments"]
        assert [turn for s in segments for turn in range(s.start, s.end)] == list(range(len(infos)))
        assert measure_agreement(end["segments"], segments)[:2] == (len(segments) - 1, len(segments) - 1)
        assert [i for i, info in enumerate(infos) if info["new_milestones"]][:-1] == [s.end - 1 for s in segments[:-1]]


@pytest.mark.parametrize("env_id", ["hiper/ALFWorld-v0", "hiper/WebShop-v0"])
def test_a_turn_that_was_not_played_is_in_no_segment(env_id: str) -> None:
    env = MilestoneWrapper(gym.make(env_id, disable_env_checker=True))
    with pytest.raises(gym.error.ResetNeeded):
        env.step("look")
    env.reset(seed=0)
    with pytest.raises(TypeError, match="an action must be a string"):
        env.step(5)  # type: ignore[arg-type]
    segment = env.step("look")[4]["milestone_segment"]
    assert (segment["index"], segment["is_boundary"], segment["age"]) == (0, True, 0)


def test_milestones_stay_out_of_the_observation_and_leave_the_episode_alone() -> None:
    plain = gym.make("hiper/ALFWorld-v0", split="valid_seen", expert_plan=True)
    wrapped = MilestoneWrapper(gym.make("hiper/ALFWorld-v0", split="valid_seen", expert_plan=True))
    text, info = plain.reset(options={"task": 3})
    assert wrapped.reset(options={"task": 3})[0] == text
    for action in info["expert_plan"]:
        assert plain.step(action)[:4] == wrapped.step(action)[:4]


def test_each_treatment_counts_only_for_the_goals_object_and_place() -> None:
    watch = HouseholdMilestones(Goal("heat", "Mug", "Desk")).watch
    assert watch("", "You arrive at shelf 1. On the shelf 1, you see a cup 1.") == []
    assert watch("", "You arrive at desk 1. On the desk 1, you see a mug 2.") == ["seen"]
    assert watch("", "You pick up the cup 1 from the desk 1.") == []
    assert watch("", "You pick up the mug 2 from the desk 1.") == ["held"]
    assert watch("", "You move the mug 2 to the desk 1.") == []
    assert watch("", "You heat the mug 2 using the microwave 1.") == ["heated"]
    assert watch("", "You put the mug 2 in/on the shelf 1.") == []
    assert watch("", "You put the mug 2 in/on the desk 1.") == ["placed"]
    assert watch("", "You put the mug 2 in/on the desk 1.") == []


def test_another_treatment_is_none_and_the_opposite_one_undoes_it() -> None:
    milestones = HouseholdMilestones(Goal("heat", "Mug", "Desk"))
    for text, reached in [
        ("You pick up the mug 1 from the shelf 1.", ["seen", "held"]),
        ("You clean the mug 1 using the sinkbasin 1.", []),
        ("You cool the mug 1 using the fridge 1.", []),
        ("You heat the mug 1 using the microwave 1.", ["heated"]),
        ("You cool the mug 1 using the fridge 1.", []),
        ("You move the mug 1 to the desk 1.", []),
        ("You heat the mug 1 using the microwave 1.", []),
        ("You clean the mug 1 using the sinkbasin 1.", []),
        ("You move the mug 1 to the desk 1.", ["placed"]),
    ]:
        assert milestones.watch("", text) == reached, text


def test_the_second_object_belongs_into_the_same_place() -> None:
    watch = HouseholdMilestones(Goal("pick_two", "Mug", "Desk")).watch
    for text, reached in [
        ("You pick up the mug 2 from the shelf 1.", ["seen", "held"]),
        ("You move the mug 2 to the desk 1.", ["placed"]),
        ("You pick up the mug 1 from the shelf 1.", ["second held"]),
        ("You move the mug 1 to the desk 2.", []),
        ("You pick up the mug 1 from the desk 2.", []),
        ("You move the mug 1 to the desk 1.", ["second placed"]),
    ]:
        assert watch("", text) == reached, text


def buy(env: gym.Env[str, str], task: int, *actions: str) -> list[list[str]]:
    env.reset(seed=0, options={"task": task})
    return [env.step(action)[4]["new_milestones"] for action in actions]


def test_options_count_on_the_goals_product_alone(small_catalogue: Catalogue) -> None:
    """All fifty mugs have the same options; only one of them is wanted."""
    env = MilestoneWrapper(gym.make("hiper/WebShop-v0", split="all", data=small_catalogue))
    goal = small_catalogue.goals()[0]
    assert goal.options == {"color": "blue", "size": "large"}
    right, wrong = goal.asin.lower(), next(asin for asin in small_catalogue.products if asin != goal.asin).lower()
    search, options = f"search[{goal.asin} {wrong}]", ("click[blue]", "click[large]")
    reached = buy(env, 0, search, f"click[{wrong}]", *options, "click[< prev]", f"click[{right}]", *options)
    assert reached[:5] == [["searched"], [], [], [], []]
    assert reached[5:] == [["item opened"], ["option color right"], ["option size right"]]


def test_a_purchase_counts_if_it_is_the_goals_product_or_as_good(small_catalogue: Catalogue) -> None:
    env = MilestoneWrapper(gym.make("hiper/WebShop-v0", split="all", data=small_catalogue))
    goal = small_catalogue.goals()[0]
    wrong = next(
        asin
        for asin in small_catalogue.products
        if asin != goal.asin and small_catalogue.price(asin) <= goal.price_upper
    ).lower()
    search, options = f"search[{wrong}]", ("click[blue]", "click[large]")
    assert buy(env, 0, search, f"click[{wrong}]", "click[buy now]")[-1] == []
    assert buy(env, 0, search, f"click[{wrong}]", *options, "click[buy now]")[-1] == ["bought"]
    assert buy(env, 0, f"search[{goal.asin}]", f"click[{goal.asin.lower()}]", "click[buy now]")[-1] == ["bought"]


def test_records_of_the_looser_rules_still_replay(small_catalogue: Catalogue) -> None:
    env = SubgoalWrapper(MilestoneWrapper(gym.make("hiper/WebShop-v0", split="all", data=small_catalogue)))
    goal = small_catalogue.goals()[0]
    wrong = next(asin for asin in small_catalogue.products if asin != goal.asin).lower()
    agent = Scripted(f"search[{wrong}]", f"click[{wrong}]", "click[blue]", "click[buy now]")
    episode = hiper_envs.play_episode(env, agent, task=0)
    assert hiper_envs.replay(episode, env) == [] and episode.milestone_version == 2
    loose = [
        msgspec.structs.replace(turn, milestones=reached)
        for turn, reached in zip(episode.turns, [("searched",), (), ("option color right",), ("bought",)], strict=True)
    ]
    old = msgspec.structs.replace(episode, turns=loose, milestone_version=1)
    assert b"milestone_version" not in msgspec.json.encode(msgspec.structs.replace(old, env_options={}))
    assert hiper_envs.replay(old, env) == []
    told = hiper_envs.replay(msgspec.structs.replace(old, milestone_version=2), env)
    assert [(each.turn, each.field) for each in told] == [(2, "milestones"), (3, "milestones")]
    forged = [msgspec.structs.replace(turn, milestones=()) for turn in episode.turns]
    missing = hiper_envs.replay(msgspec.structs.replace(old, turns=forged), env)
    assert [(each.turn, each.field) for each in missing] == [(0, "milestones")]


def test_two_objects_and_lamps() -> None:
    watch = HouseholdMilestones(Goal("pick_two", "Mug", "Desk")).watch
    for text, reached in [
        ("You pick up the mug 2 from the shelf 1.", ["seen", "held"]),
        ("You move the mug 2 to the desk 1.", ["placed"]),
        ("You pick up the mug 2 from the desk 1.", []),
        ("You move the mug 2 to the desk 1.", []),
        ("You pick up the mug 1 from the shelf 1.", ["second held"]),
        ("You move the mug 1 to the desk 1.", ["second placed"]),
    ]:
        assert watch("", text) == reached
    watch = HouseholdMilestones(Goal("look_at", "Mug", None)).watch
    assert watch("", "You turn on the floorlamp 1.") == []
    assert watch("", "You turn on the desklamp 1.") == ["lamp on"]


def test_agreement_is_a_share_of_cuts() -> None:
    declared = [Segment(0, 2, "", 0, "switch"), Segment(2, 5, "", 0, "switch"), Segment(5, 9, "", 0, "success")]
    reached = [Segment(0, 5, "", 0, "switch"), Segment(5, 7, "", 0, "switch"), Segment(7, 9, "", 0, "success")]
    agreement = measure_agreement(declared, reached)
    assert agreement == Agreement(1, 2, 2) and agreement.precision == agreement.recall == 0.5
    assert agreement + agreement == Agreement(2, 4, 4)
    assert str(measure_agreement(declared[:1], [Segment(0, 2, "", 0, "success")]).precision) == "nan"
    with pytest.raises(ValueError, match="of two episodes, of 9 and 7 turns"):
        measure_agreement(declared, reached[:2])


def test_world_without_milestones_gets_a_sentence(corridor: Any) -> None:
    with pytest.raises(ValueError, match="has no milestones: it needs a method make_milestones"):
        MilestoneWrapper(corridor())


def test_wrapped_environment_is_made_again_from_its_spec() -> None:
    env = SubgoalWrapper(MilestoneWrapper(gym.make("hiper/WebShop-v0", split="test", observation="text_rich")))
    assert env.spec is not None
    again = gym.make(env.spec)
    assert isinstance(again, SubgoalWrapper) and isinstance(again.env, MilestoneWrapper)
    assert again.reset(options={"task": 0})[0] == env.reset(options={"task": 0})[0]
    assert hiper_envs.SubgoalWrapper is SubgoalWrapper


class Planner:
    """Follows the plan, changing its subgoal after every second turn; keeps what it was shown."""

    def reset(self, seed: int) -> None:
        self.turn, self.seen = -1, set[str]()

    def act(self, observation: str, info: Any) -> str:
        self.turn += 1
        self.seen |= info.keys()
        return write_reply(info["expert_plan"][0], "", self.turn % 2 == 0)


def test_records_keep_milestones_and_agents_never_see_them() -> None:
    env = SubgoalWrapper(MilestoneWrapper(gym.make("hiper/ALFWorld-v0", split="valid_seen", expert_plan=True)))
    agent = Planner()
    episode = hiper_envs.play_episode(env, agent, task=3)
    assert not [key for key in agent.seen if "milestone" in key]
    reached = [name for turn in episode.turns for name in turn.milestones]
    assert reached[0] == "seen" and len(reached) == len(set(reached)) > 2
    assert measure_record(episode).num_declared == len(episode.segments) - 1 == (episode.num_turns - 1) // 2
    assert hiper_envs.replay(episode, env) == []
