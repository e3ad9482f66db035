"""Rewards that come late or with noise: nothing is lost, nothing else changes."""

import copy
import pickle
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers import TimeLimit
from hypothesis import given, settings
from hypothesis import strategies as st

import hiper_envs
from hiper_envs import DelayedRewardWrapper, NoisyRewardWrapper, SubgoalWrapper, UnicodeText, write_reply
from hiper_envs.vector import TextVectorEnv

REWARDS = st.lists(st.integers(-8, 8).map(float), min_size=1, max_size=30)
WORLDS = ("hiper/ALFWorld-v0", "hiper/WebShop-v0", "hiper/WebShopBasket-v0")


class PayingEnv(gym.Env[str, str]):
    """Pays what it was told to, turn by turn; the last one ends the episode, one way or the other."""

    metadata: dict[str, Any] = {}  # noqa: RUF012  Gymnasium declares it so
    tasks = ("pay",)

    def __init__(self, rewards: list[float], is_truncated: bool = False) -> None:
        self.rewards, self.is_truncated = rewards, is_truncated
        self.observation_space = self.action_space = UnicodeText()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        super().reset(seed=seed)
        self.options = options
        self.turn = 0
        return self._text(), self._info()

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        reward = self.rewards[self.turn]
        self.turn += 1
        is_over = self.turn == len(self.rewards)
        return self._text(), reward, is_over and not self.is_truncated, is_over and self.is_truncated, self._info()

    def get_state(self) -> int:
        return self.turn

    def set_state(self, state: int) -> str:
        self.turn = state
        return self._text()

    def _text(self) -> str:
        return f"turn {self.turn}"

    def _info(self) -> dict[str, Any]:
        is_over = self.turn == len(self.rewards)
        facts = {"task_id": "pay", "instruction": "wait", "admissible_actions": ["wait"]}
        return {**facts, "success": is_over, "score": float(is_over)}


def play(env: Any, num_turns: int, **reset: Any) -> list[Any]:
    env.reset(**reset)
    return [env.step("wait") for _ in range(num_turns)]


def paid(steps: list[Any]) -> list[float]:
    return [step[1] for step in steps]


@given(rewards=REWARDS, delay=st.integers(0, 40), is_truncated=st.booleans())
def test_rewards_come_late_in_order_and_in_full(rewards: list[float], delay: int, is_truncated: bool) -> None:
    env = DelayedRewardWrapper(PayingEnv(rewards, is_truncated), delay)
    plain = play(PayingEnv(rewards, is_truncated), len(rewards))
    for _ in range(2):
        late = play(env, len(rewards))
        assert [step[:1] + step[2:] for step in late] == [step[:1] + step[2:] for step in plain]
        before_the_end = len(rewards) - 1
        assert paid(late)[:-1] == ([0.0] * delay + rewards)[:before_the_end]
        assert paid(late)[-1] == sum(rewards[max(0, before_the_end - delay) :])
        assert sum(paid(late)) == sum(rewards)


@given(rewards=REWARDS, delay=st.integers(0, 40), limit=st.integers(1, 30))
def test_a_limit_of_turns_inside_is_an_end(rewards: list[float], delay: int, limit: int) -> None:
    env = DelayedRewardWrapper(TimeLimit(PayingEnv(rewards), limit), delay)
    num_turns = min(limit, len(rewards))
    steps = play(env, num_turns)
    assert steps[-1][2] or steps[-1][3]
    assert sum(paid(steps)) == sum(rewards[:num_turns])


@given(rewards=REWARDS, seeds=st.tuples(st.integers(0, 2**70), st.integers(0, 2**40)))
def test_noise_hangs_on_both_seeds_alone(rewards: list[float], seeds: tuple[int, int]) -> None:
    mine, of_episode = seeds

    def noise(mine: int, reset: dict[str, Any], scale: float = 0.5) -> list[float]:
        env = NoisyRewardWrapper(PayingEnv(rewards), scale, seed=mine)
        play(env, 1)  # whatever was drawn before
        steps = play(env, len(rewards), **reset)
        plain = play(PayingEnv(rewards), len(rewards))
        assert [step[:1] + step[2:] for step in steps] == [step[:1] + step[2:] for step in plain]
        return paid(steps)

    first = noise(mine, {"seed": of_episode})
    assert noise(mine, {"seed": of_episode}) == first
    assert noise(mine, {"seed": of_episode}, scale=0.0) == rewards
    others = [
        noise(mine + 1, {"seed": of_episode}),
        noise(mine, {"seed": of_episode + 1}),
        noise(mine, {}),
        *(noise(mine, {"seed": of_episode, "options": {"noise_seed": third}}) for third in (0, 1)),
    ]
    assert len({tuple(each) for each in [first, *others]}) == 6


def test_noise_is_centred_and_of_the_right_size() -> None:
    number = 20_000
    drawn = np.array(paid(play(NoisyRewardWrapper(PayingEnv([1.0] * number), 2.0), number, seed=0))) - 1.0
    assert abs(drawn.mean()) < 4 * 2.0 / number**0.5
    assert drawn.std() == pytest.approx(2.0, rel=0.03)
    assert abs(np.corrcoef(drawn[1:], drawn[:-1])[0, 1]) < 4 / number**0.5


def test_without_a_seed_the_noise_goes_on() -> None:
    env = NoisyRewardWrapper(PayingEnv([0.0] * 3), 1.0)
    runs = [paid(play(env, 3, **reset)) for reset in ({"seed": 1}, {}, {"seed": 1}, {})]
    assert runs[:2] == runs[2:] and runs[0] != runs[1]
    assert NoisyRewardWrapper(PayingEnv([0.0]), 1.0).reset(seed=0, options={"task": 0, "noise_seed": 4})
    assert env.env.options is None  # type: ignore[attr-defined]


def test_the_environment_never_sees_the_third_seed() -> None:
    env = NoisyRewardWrapper(PayingEnv([0.0]), 1.0)
    given_options = {"task": 0, "noise_seed": 4}
    env.reset(seed=0, options=given_options)
    assert env.env.options == {"task": 0}  # type: ignore[attr-defined]
    assert given_options == {"task": 0, "noise_seed": 4}
    with pytest.raises(ValueError, match=r"options\['noise_seed'\] is a seed beside that of reset: give that too"):
        env.reset(options={"noise_seed": 4})
    with pytest.raises(ValueError, match="seed must be an integer from 0, got True"):
        env.reset(seed=0, options={"noise_seed": True})
    with pytest.raises(TypeError, match="options must be a dictionary"):
        env.reset(seed=0, options=5)  # type: ignore[arg-type]


@pytest.mark.parametrize("delay", [-1, True, 1.0, "3", None, float("nan"), 10**6 + 1, 10**40, [1], np.array([1])])
def test_wrong_delays_get_a_sentence(delay: Any) -> None:
    with pytest.raises(ValueError, match=r"^delay must be an integer from 0"):
        DelayedRewardWrapper(PayingEnv([0.0]), delay)


@pytest.mark.parametrize("scale", [-0.1, True, "1", None, float("nan"), float("inf"), 1e7, 10**400, [1.0], 1j])
def test_wrong_scales_get_a_sentence(scale: Any) -> None:
    with pytest.raises(ValueError, match=r"^scale .*must be a number between 0 and 1e\+06"):
        NoisyRewardWrapper(PayingEnv([0.0]), scale)


@pytest.mark.parametrize("seed", [-1, True, 1.0, "3", None])
def test_wrong_seeds_get_a_sentence(seed: Any) -> None:
    with pytest.raises(ValueError, match=r"^seed must be an integer from 0"):
        NoisyRewardWrapper(PayingEnv([0.0]), 1.0, seed=seed)


def test_numbers_of_numpy_are_numbers() -> None:
    env = NoisyRewardWrapper(DelayedRewardWrapper(PayingEnv([0.0]), np.int64(3)), np.float32(0.5), seed=np.uint8(7))  # type: ignore[arg-type]
    assert (type(env.scale), type(env.seed), type(env.env.delay)) == (float, int, int)  # type: ignore[attr-defined]


@given(rewards=REWARDS, delay=st.integers(0, 40), cut=st.integers(0, 29))
def test_copies_and_snapshots_go_on_from_the_middle(rewards: list[float], delay: int, cut: int) -> None:
    cut = min(cut, len(rewards) - 1)
    env = NoisyRewardWrapper(DelayedRewardWrapper(PayingEnv(rewards), delay), 0.5)
    play(env, cut, seed=3)
    state = pickle.loads(pickle.dumps(env.get_wrapper_attr("get_state")()))
    copies = [pickle.loads(pickle.dumps(env)), copy.deepcopy(env)]
    rest = [env.step("wait") for _ in range(len(rewards) - cut)]
    for each in copies:
        assert [each.step("wait") for _ in rest] == rest
    assert env.get_wrapper_attr("set_state")(state) == f"turn {cut}"
    assert [env.step("wait") for _ in rest] == rest


def test_what_the_environments_own_snapshot_does_not_carry() -> None:
    env = DelayedRewardWrapper(PayingEnv([1.0, 2.0, 4.0]), 5)
    play(env, 2)
    env.unwrapped.set_state(0)  # type: ignore[attr-defined]
    assert paid([env.step("wait") for _ in range(3)]) == [0.0, 0.0, 10.0]


@pytest.mark.parametrize("state", [None, 3, (), (1,), (1, 2, 3), (1, None), (1, [0.0]), (1, (0, 0)), (1, {}), "ab"])
@pytest.mark.parametrize("kind", [DelayedRewardWrapper, NoisyRewardWrapper])
def test_states_of_another_kind_are_refused(kind: Any, state: Any) -> None:
    env = kind(PayingEnv([1.0, 2.0, 4.0]), 2)
    play(env, 1, seed=0)
    before = env.get_state()
    with pytest.raises(TypeError, match=r"expected a state that get_state\(\) returned, not "):
        env.set_state(state)
    assert env.get_state() == before


@pytest.mark.parametrize("kind", [DelayedRewardWrapper, NoisyRewardWrapper])
def test_an_environment_without_snapshots_gets_a_sentence(kind: Any, corridor: Any) -> None:
    env = kind(corridor(), 1)
    for ask in (env.get_state, lambda: env.set_state((1, ()))):
        with pytest.raises(AttributeError, match="has no snapshots: it needs a method"):
            ask()


def wrap(env: Any) -> Any:
    return NoisyRewardWrapper(DelayedRewardWrapper(env, 3), 0.1, seed=2)


def test_inside_the_segments_have_what_is_paid_and_outside_what_is_earned() -> None:
    rewards = [1.0, 2.0, 4.0, 8.0]
    for env, sums in (
        (SubgoalWrapper(DelayedRewardWrapper(PayingEnv(rewards), 1)), [1.0, 14.0]),
        (DelayedRewardWrapper(SubgoalWrapper(PayingEnv(rewards)), 1), [3.0, 12.0]),
    ):
        env.reset()
        steps = [env.step(write_reply("wait", f"part {turn // 2}", turn == 2)) for turn in range(4)]
        assert [segment.reward for segment in steps[-1][4]["segments"]] == sums
        assert paid(steps) == [0.0, 1.0, 2.0, 12.0]


@pytest.mark.parametrize("env_id", WORLDS)
@pytest.mark.parametrize("is_inside", [False, True])
@settings(max_examples=2)
@given(seed=st.integers(0, 2**31))
def test_worlds_play_alike_but_for_rewards(env_id: str, is_inside: bool, seed: int) -> None:
    """The world's texts and infos are untouched, records replay, and what was made is made again from its spec."""
    plain = SubgoalWrapper(gym.make(env_id, max_episode_steps=6))
    env = gym.make(env_id, max_episode_steps=6)
    env = SubgoalWrapper(wrap(env)) if is_inside else wrap(SubgoalWrapper(env))
    assert env.spec is not None
    again = gym.make(env.spec)

    class First:
        def reset(self, seed: int) -> None: ...

        def act(self, observation: str, info: Any) -> str:
            return write_reply(info["admissible_actions"][-1], "go on", False)

    episode = hiper_envs.play_episode(env, First(), task=1, seed=seed)
    expected = hiper_envs.play_episode(plain, First(), task=1, seed=seed)
    assert [turn.observation for turn in episode.turns] == [turn.observation for turn in expected.turns]
    assert (episode.score, episode.success, episode.truncated) == (expected.score, expected.success, expected.truncated)
    assert [turn.reward for turn in episode.turns] != [turn.reward for turn in expected.turns]
    assert hiper_envs.replay(episode, env) == [] == hiper_envs.replay(episode, again)
    state = env.get_wrapper_attr("get_state")()
    env.get_wrapper_attr("set_state")(pickle.loads(pickle.dumps(state)))


def test_rows_of_a_vector_have_noise_of_their_own_seeds() -> None:
    vector = TextVectorEnv(lambda: wrap(PayingEnv([0.0] * 4)), 3)
    vector.reset(seed=[1, 2, 1])
    rewards = np.array([vector.step(["wait"] * 3)[1] for _ in range(4)])
    assert (rewards[:, 0] == rewards[:, 2]).all() and (rewards[:, 0] != rewards[:, 1]).all()
