"""The environment with several goals: against the plain one, against a slow reference, and with what it refuses."""

import copy
import json
import pickle
from pathlib import Path
from random import Random
from typing import Any

import gymnasium as gym
import pytest
from gymnasium.utils.seeding import np_random
from hypothesis import given, settings
from hypothesis import strategies as st

import hiper_envs
from hiper_envs.alfworld.env import ALFWorldEnv
from hiper_envs.alfworld.episode import Progress
from hiper_envs.alfworld.games.goals import Goal
from hiper_envs.alfworld.games.problem import Problem
from hiper_envs.alfworld.long.env import ALFWorldLongEnv
from hiper_envs.alfworld.long.games import TooFewGoalsError
from hiper_envs.alfworld.milestones import HouseholdMilestones
from hiper_envs.alfworld.official.engine import write_official_game
from hiper_envs.alfworld.rules.engine import Engine
from tests.hiper_envs.alfworld.handmade import bedroom
from tests.hiper_envs.alfworld.official.marks import needs_official

ID = "hiper/ALFWorldLong-v0"
ORDERS, REWARDS = ("any", "sequence"), ("sparse", "per_goal")
Step = tuple[str, float, bool, bool, dict[str, Any]]


@pytest.fixture(autouse=True)
def no_real_games(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALFWORLD_DATA", raising=False)


def make(num_goals: int, **options: Any) -> ALFWorldLongEnv:
    return ALFWorldLongEnv(**{"split": "valid_seen", "games": "generated", "num_goals": num_goals, **options})


def choose(info: dict[str, Any], rng: Random) -> str:
    """Return mostly the plan's next command, and often any other one."""
    plan = info["expert_plan"]
    return plan[0] if plan and rng.random() < 0.6 else rng.choice(info["admissible_actions"])


class Reference:
    """What the environment says of goals, worked out anew from all the commands so far at every turn."""

    def __init__(self, problem: Problem, order: str, reward: str) -> None:
        self.problem, self.order, self.reward = problem, order, reward
        self.k = len(problem.goals)

    def list_held(self, commands: list[str]) -> list[list[bool]]:
        """Return for each turn, the reset first, which goals hold after it."""
        engine = Engine(self.problem)
        engine.reset()
        rows = [[engine.satisfies(goal) for goal in engine.world.conditions]]
        for command in commands:
            engine.step(command)
            rows.append([engine.satisfies(goal) for goal in engine.world.conditions])
        return rows

    def count_done(self, rows: list[list[bool]]) -> int:
        done = 0
        for row in rows:
            while done < self.k and row[done]:
                done += 1
        return done

    def tell(self, commands: list[str]) -> tuple[float, bool, float, list[bool]]:
        """Return reward, success, score and flags of the last turn."""
        rows = self.list_held(commands)
        if self.order == "sequence":
            was, now = self.count_done(rows[:-1]), self.count_done(rows)
            reached, success, new = [number < now for number in range(self.k)], now == self.k, now - was
        else:
            reached, success = rows[-1], all(rows[-1])
            new = sum(rows[-1][goal] and not any(row[goal] for row in rows[:-1]) for goal in range(self.k))
        reward = new / self.k if self.reward == "per_goal" else float(success)
        return reward, success, sum(reached) / self.k, reached


@pytest.mark.parametrize("reward", REWARDS)
@pytest.mark.parametrize("order", ORDERS)
@settings(max_examples=8)
@given(task=st.integers(0, 139), num_goals=st.integers(2, 5), seed=st.integers(0, 2**31))
def test_episodes_are_what_a_slow_reference_says(order: str, reward: str, task: int, num_goals: int, seed: int) -> None:
    env, rng = make(num_goals, order=order, reward=reward, expert_plan=True), Random(seed)
    observation, info = env.reset(options={"task": task})
    problem = env._games.load(info["task_id"])
    reference, engine, commands, total = Reference(problem, order, reward), Engine(problem), list[str](), 0.0
    assert observation == engine.reset().text and observation.endswith(f"Your task is to: {info['instruction']}.")
    beginning = {"any": "do all of these", "sequence": "do these in order"}[order]
    assert info["instruction"] == f"{beginning}: {'; '.join(info['goals'])}" and len(info["goals"]) == num_goals
    assert info["goals_reached"] == [False] * num_goals and not info["success"] and info["score"] == 0.0
    for _ in range(60):
        before = sum(info["goals_reached"])
        commands.append(choose(info, rng))
        observation, paid, terminated, truncated, info = env.step(commands[-1])
        expected, success, score, reached = reference.tell(commands)
        assert paid == pytest.approx(expected, abs=1e-12) and not truncated
        assert (terminated, info["success"], info["goals_reached"]) == (success, success, reached)
        assert info["score"] == pytest.approx(score) and (info["score"] == 1.0) == success
        plain = engine.step(commands[-1])
        assert info["admissible_actions"] == plain.admissible and info["task_id"] == env.tasks[task]
        line, now = "", sum(reached)
        if order == "sequence" and before < now < num_goals:
            line = f"\n\nDone: {'; '.join(info['goals'][before:now])}. Next: {info['goals'][now]}."
        assert observation == plain.text + line
        total += paid
        if terminated:
            assert total == 1.0 and info["expert_plan"] == []
            break


@settings(max_examples=12)
@given(seed=st.integers(0, 2**31), order=st.sampled_from(ORDERS), reward=st.sampled_from(REWARDS), human=st.booleans())
def test_one_goal_is_the_plain_world(seed: int, order: str, reward: str, human: bool) -> None:
    split = "train" if human else "valid_unseen"
    options: dict[str, Any] = {"split": split, "games": "generated", "expert_plan": True, "shuffle_names": human}
    plain, long = ALFWorldEnv(**options), ALFWorldLongEnv(**options, num_goals=1, order=order, reward=reward)
    assert plain.tasks == long.tasks
    (text, info), (long_text, long_info) = plain.reset(seed=seed), long.reset(seed=seed)
    rng, is_over = Random(seed), False
    for _ in range(40):
        assert long_info.pop("goals") == [info["instruction"]]
        assert long_info.pop("goals_reached") == [info["success"]]
        assert (text, info) == (long_text, long_info) and plain.get_state() == long.get_state()
        if is_over:
            (text, info), (long_text, long_info) = plain.reset(), long.reset()
        action = choose(info, rng)
        text, *worth, info = plain.step(action)
        long_text, *long_worth, long_info = long.step(action)
        assert worth == long_worth
        is_over = bool(worth[1])
    long.set_state(plain.get_state())
    plain.set_state(long.get_state())
    assert type(long.make_milestones()) is type(plain.make_milestones())


def test_orders_have_the_same_goals_and_more_goals_the_same_first_ones() -> None:
    for task in range(0, 140, 20):
        found = [make(k, order=order).reset(options={"task": task})[1]["goals"] for k in (2, 5) for order in ORDERS]
        assert found[0] == found[1] == found[2][:2] == found[3][:2] and found[2] == found[3]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("num_goals", [2, 3, 8])
def test_the_expert_plan_wins_in_time(order: str, num_goals: int) -> None:
    env = gym.make(ID, split="train", num_goals=num_goals, order=order, reward="per_goal", expert_plan=True)
    for seed in range(5):
        _, info = env.reset(seed=seed)
        total, is_over = 0.0, False
        for command in list(info["expert_plan"]):
            _, reward, is_over, truncated, info = env.step(command)
            total += float(reward)
            assert not truncated
        assert is_over and info["success"] and total == 1.0 and all(info["goals_reached"])


@settings(max_examples=6)
@given(data=st.data(), order=st.sampled_from(ORDERS), reward=st.sampled_from(REWARDS), num_goals=st.integers(2, 4))
def test_snapshots_carry_what_has_been_done(data: st.DataObject, order: str, reward: str, num_goals: int) -> None:
    rng = Random(data.draw(st.integers(0, 2**31)))
    env, other = (make(num_goals, order=order, reward=reward, expert_plan=True) for _ in range(2))
    _, info = env.reset(seed=1)
    other.reset(seed=2)
    for _ in range(data.draw(st.integers(0, 30))):
        *_, info = env.step(choose(info, rng))
    state = env.get_state()
    assert pickle.loads(pickle.dumps(state)) == state == copy.deepcopy(state) and hash(state) == hash(state)
    other.set_state(state)
    others = [other, pickle.loads(pickle.dumps(env)), copy.deepcopy(env)]
    for _ in range(25):
        action = choose(info, rng)
        step = env.step(action)
        info = step[4]
        assert all(each.step(action) == step and each.get_state() == env.get_state() for each in others)
    env.set_state(state)
    assert env.get_state() == state


def test_states_differ_where_the_future_does() -> None:
    """A goal that was reached and undone is paid for once; a sparse reward forgets it."""
    for reward in REWARDS:
        env = make(2, reward=reward)
        env.reset(options={"task": 0})
        start = env.get_state()
        assert start.progress == ("any", reward, (False, False))
        env._reached = (True, False)
        assert (env.get_state() == start) == (reward == "sparse")


def test_a_state_of_other_goals_is_refused() -> None:
    env = make(2)
    env.reset(seed=0)
    for other in (make(3), make(2, order="sequence"), make(2, reward="per_goal"), make(1)):
        other.reset(seed=0)
        state = other.get_state()
        with pytest.raises(
            ValueError, match=r"this state is of an episode with num_goals=.*; this environment has num_"
        ):
            env.set_state(state)
    with pytest.raises(ValueError, match="several goals; hiper/ALFWorldLong-v0 goes on from it"):
        make(1).set_state(env.get_state())
    with pytest.raises(ValueError, match="several goals; hiper/ALFWorldLong-v0 goes on from it"):
        ALFWorldEnv("valid_seen").set_state(env.get_state())
    sequence = make(2, order="sequence")
    sequence.reset(seed=0)
    wrong = ("progress", ("any", "sparse", (False, False)), Progress("sequence", "sparse", (False, True)))
    flags: Any = [True, False]
    for progress in (*wrong, Progress("sequence", "sparse", flags), Progress("sequence", "sparse", (1, 0))):  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="get_state"):
            sequence.set_state(sequence.get_state()._replace(progress=progress))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="get_state"):
        env.set_state("state")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"num_goals": 0}, "num_goals must be an integer from 1, got 0"),
        ({"num_goals": 9}, "num_goals must be an integer from 1 to 8, got 9"),
        ({"num_goals": 10**30}, "num_goals must be an integer from 1 to 8"),
        ({"num_goals": True}, "num_goals must be an integer from 1, got True"),
        ({"num_goals": 2.0}, "num_goals must be an integer from 1, got 2.0"),
        ({"num_goals": "3"}, "num_goals must be an integer from 1, got '3'"),
        ({"num_goals": None}, "num_goals must be an integer from 1, got None"),
        ({"max_turns": 0}, "max_turns must be an integer from 1, got 0"),
        ({"max_turns": "9"}, "max_turns must be an integer from 1, got '9'"),
        ({"order": "sequnce"}, "unknown order 'sequnce'; allowed: any, sequence; did you mean 'sequence'"),
        ({"order": None}, "unknown order None"),
        ({"order": ["any"]}, "unknown order"),
        ({"reward": "dense"}, "unknown reward 'dense'; allowed: sparse, per_goal"),
        ({"goals": "human"}, "goals='human' is for one goal"),
        ({"goals": "humans"}, "unknown goals 'humans'"),
        ({"nun_goals": 3}, "unknown option 'nun_goals'.*did you mean 'num_goals'"),
        ({"split": "valid_seen", "shuffle_names": True}, "shuffle_names is for the train split"),
    ],
)
def test_bad_options_get_a_sentence(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        ALFWorldLongEnv(**options)
    with pytest.raises(ValueError, match=reason):
        gym.make_vec(ID, num_envs=2, vectorization_mode="vector_entry_point", **options)


def test_a_house_with_too_few_goals_is_refused_and_never_drawn() -> None:
    env = make(8)
    bathrooms = [task for task in env.tasks if env.group_of(task).startswith("4")]
    short = {task: most for task in bathrooms if (most := env.count_goals(task)) < 8}
    assert len(short) == 14
    for task, most in [*short.items()][:3]:
        for _ in range(2):
            with pytest.raises(TooFewGoalsError, match=f"has not 8 goals .* num_goals={most} is the most"):
                env.reset(options={"task": task})
        assert make(most).reset(options={"task": task})[1]["task_id"] == task
    seeds = [seed for seed in range(200) if env.tasks[int(np_random(seed)[0].integers(140))] in short]
    assert make(1).reset(seed=seeds[0])[1]["task_id"] in short
    for seed in seeds[:3]:
        assert env.reset(seed=seed)[1]["task_id"] not in short
        assert env.reset(seed=seed)[1] == make(8).reset(seed=seed)[1]
    with pytest.raises(ValueError, match="unknown task"):
        env.count_goals("nowhere")


@needs_official
def test_games_without_further_goals_say_so(tmp_path: Path) -> None:
    path = tmp_path / "bedroom.tw-pddl"
    path.write_text(json.dumps(write_official_game(bedroom(Goal("pick", "Book", "Drawer")))))
    env = ALFWorldLongEnv(games=path)
    with pytest.raises(TooFewGoalsError, match="has not 3 goals of different things: num_goals=2 is the most"):
        env.reset()
    assert ALFWorldLongEnv(games=path, num_goals=2).reset()[1]["goals"][0] == "put a mug in drawer"


@pytest.mark.parametrize("order", ORDERS)
def test_milestones_carry_their_goals_number(order: str) -> None:
    env: Any = hiper_envs.SubgoalWrapper(hiper_envs.MilestoneWrapper(gym.make(ID, order=order, expert_plan=True)))
    for seed in range(4):
        _, info = env.reset(seed=seed)
        parts = [HouseholdMilestones(goal) for goal in env.unwrapped._games.load(info["task_id"]).goals]
        assert info["all_milestones"] == [f"{n} {name}" for n, part in enumerate(parts, 1) for name in part.names]
        is_over = False
        while not is_over:
            action = info["expert_plan"][0]
            observation, _, is_over, _, info = env.step(action)
            new = [f"{n} {name}" for n, part in enumerate(parts, 1) for name in part.watch(action, observation)]
            assert info["new_milestones"] == new
        assert {"1 held", "2 held", "3 held"} <= set(info["milestones"]) and len(info["milestone_segments"]) > 3
    one = hiper_envs.MilestoneWrapper(gym.make(ID, num_goals=1)).reset(seed=0)[1]["all_milestones"]
    assert one[:2] == ["seen", "held"]


@pytest.mark.parametrize("options", [{}, {"order": "sequence", "reward": "per_goal", "num_goals": 4}])
def test_records_replay(options: dict[str, Any]) -> None:
    class Follower:
        def reset(self, seed: int) -> None:
            """Nothing to forget."""

        def act(self, observation: str, info: dict[str, Any]) -> str:
            return hiper_envs.write_reply(info["expert_plan"][0], "go on", False)

    env = gym.make(ID, split="valid_seen", games="generated", expert_plan=True, **options)
    wrapped = hiper_envs.SubgoalWrapper(hiper_envs.MilestoneWrapper(env))
    episode = hiper_envs.play_episode(wrapped, Follower(), task=5)
    assert episode.success and episode.env_id == ID and hiper_envs.replay(episode) == []
    assert episode.env_options == {"split": "valid_seen", "games": "generated", "expert_plan": True, **options}
