"""Episodes for training and evaluation, played by a policy in step."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np

from hiper_agents.policies.policy import Decision, Memory, Policy
from hiper_envs.reward_wrappers import NOISE_OPTION
from hiper_envs.segments import SubgoalWrapper

TextEnv = gym.Env[str, str]
LARGEST_REWARD = 1e12
"""Largest size of a reward, so that the networks' single precision holds the square of a sum of them."""


@dataclass
class Rollout:
    """The decisions of one episode with their rewards.

    `valid` tells of each turn whether its reply was well-formed and its action admissible, `states` the state that it
    acted in where that is kept, `final_state` the one that a step limit cut it off in, `group` which other episodes
    began alike. `value_after` is what the policy thought of
    where a step limit cut the episode off; None where nobody asked.
    """

    task: int
    decisions: list[Decision] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)
    terminated: bool = False
    score: float = 0.0
    success: bool = False
    num_segments: int = 0
    valid: list[bool] = field(default_factory=list)
    states: list[Hashable] = field(default_factory=list)
    final_state: Hashable = None
    group: int = 0
    value_after: float | None = None

    @property
    def num_turns(self) -> int:
        """Number of turns played."""
        return len(self.rewards)


@dataclass(frozen=True)
class PlaySummary:
    """Means over episodes."""

    success: float
    score: float
    turns: float
    segments: float
    valid: float


def summarise(rollouts: Sequence[Rollout]) -> PlaySummary:
    """Return the means over some episodes."""
    return PlaySummary(
        success=float(np.mean([rollout.success for rollout in rollouts])),
        score=float(np.mean([rollout.score for rollout in rollouts])),
        turns=float(np.mean([rollout.num_turns for rollout in rollouts])),
        segments=float(np.mean([rollout.num_segments for rollout in rollouts])),
        valid=float(np.mean([valid for rollout in rollouts for valid in rollout.valid])),
    )


class Seat:
    """One environment with the episode that is played in it.

    Args:
        env: The environment.
        policy: Who plays.
        keeps_states: Whether a key of each turn's state is kept.
    """

    def __init__(self, env: TextEnv, policy: Policy, keeps_states: bool = False) -> None:
        self.keeps_states = keeps_states
        self.env = env if isinstance(env, SubgoalWrapper) else SubgoalWrapper(env)
        self.policy = policy

    def start(self, task: int, seed: int, number: int = 0) -> None:
        """Begin an episode.

        Args:
            task: Position of its task.
            seed: The environment's seed.
            number: Tells it from others of the same task and seed, so that noise on rewards is each one's own.
        """
        is_noisy = self.env.has_wrapper_attr("takes_noise_seed")
        options = {"task": task, **({NOISE_OPTION: number} if is_noisy else {})}
        self.observation, self.info = self.env.reset(seed=seed, options=options)
        self.memory: Memory = self.policy.open_memory(self.observation, self.info)
        self.rollout = Rollout(task)

    def take(self, decision: Decision) -> bool:
        """Take a turn; return whether the episode ended.

        Raises:
            ValueError: The environment gave a reward that is no finite number, or a huge one.
        """
        self.memory.remember(decision)
        if self.keeps_states:
            self.rollout.states.append(self._state())
        admissible = self.info["admissible_actions"]
        self.observation, reward, terminated, truncated, self.info = self.env.step(decision.reply)
        rollout = self.rollout
        if not abs(float(reward)) <= LARGEST_REWARD:
            raise ValueError(
                f"the environment gave the reward {reward} at turn {rollout.num_turns} of task {rollout.task};"
                f" it must be a finite number of at most {LARGEST_REWARD:g} in size"
            )
        rollout.decisions.append(decision)
        rollout.rewards.append(float(reward))
        rollout.valid.append(not self.info["reply_problems"] and self.info["action"] in admissible)
        if terminated or truncated:
            rollout.terminated = terminated
            rollout.score, rollout.success = float(self.info["score"]), bool(self.info["success"])
            rollout.num_segments = len(self.info["segments"])
            if self.keeps_states and not terminated:
                rollout.final_state = self._state()
            return True
        self.memory.observe(self.observation, self.info["admissible_actions"])
        return False

    def leave(self) -> Rollout:
        """Return the episode, which is over; the policy, if it wants to know, forgets what it kept to go on."""
        forget: Callable[[Memory], None] = getattr(self.policy, "forget", lambda memory: None)
        forget(self.memory)
        return self.rollout

    def _state(self) -> Hashable:
        """Return a key of the state: the environment's snapshot, or its text where that cannot be a key."""
        inner: Any = self.env.unwrapped
        snapshot: Hashable = inner.get_state() if hasattr(inner, "get_state") else None
        try:
            hash(snapshot)  # a tuple says that it is hashable, whatever it holds
        except TypeError:
            return self.observation
        return self.observation if snapshot is None else snapshot

    def judge_end(self) -> float:
        """Return the value of the state after the last turn, before KEEP or SWITCH; 0 where nothing can be done.

        A flat policy has no such choice: its value is the one before the action.
        """
        actions = self.info["admissible_actions"]
        if not actions:
            return 0.0
        self.memory.observe(self.observation, actions)
        decision: Decision = self.policy.decide([self.memory])[0]
        return float(decision.value_switch if self.policy.has_subgoals else decision.value_low)


def play_tasks(
    envs: Sequence[TextEnv],
    policy: Policy,
    tasks: Sequence[int],
    rng: np.random.Generator,
    *,
    temperature: float = 1.0,
    judges_truncated: bool = False,
    keeps_states: bool = False,
    group_size: int = 1,
    numbers: Sequence[int] | None = None,
    on_episode: Callable[[Rollout], None] = lambda rollout: None,
) -> list[Rollout]:
    """Play one episode of each task, as many at a time as there are environments.

    A policy that says that it `draws_apart` draws each episode's decisions from a generator of the episode's own: they
    are the same whichever others are played beside it.

    Args:
        envs: Environments of the same kind; each plays one episode after the other.
        policy: What plays.
        tasks: Positions of the tasks, repeats allowed.
        rng: Draws seeds and decisions.
        temperature: Of the draws; 0 takes the likeliest decisions.
        judges_truncated: Whether the policy's value of what follows a truncated episode is kept in it.
        keeps_states: Whether a key of the state that each turn acts in is kept.
        group_size: How many tasks in a row are played from one seed; they are a group.
        numbers: Which of the tasks are played, by their place in `tasks`; None for all. The others are played
            elsewhere, with the other seeds.
        on_episode: Called after each episode, for progress.

    Returns:
        The episodes in the order of `tasks`.
    """
    seeds = np.repeat(rng.integers(0, 2**31, size=len(tasks) // group_size), group_size).tolist()
    played = list(range(len(tasks)) if numbers is None else numbers)
    if numbers is not None:  # or all processes would draw the same
        rng = np.random.default_rng([seeds[number] for number in played])
    apart = {number: np.random.default_rng([seeds[number], number]) for number in played}
    draws_apart = bool(getattr(policy, "draws_apart", False))
    waiting = iter(played)
    finished: dict[int, Rollout] = {}
    seats: dict[int, Seat] = {}
    free = [Seat(env, policy, keeps_states) for env in envs]

    def fill() -> None:
        while free:
            number = next(waiting, None)
            if number is None:
                return
            seat = free.pop()
            seat.start(tasks[number], seeds[number], number)
            seat.rollout.group = number // group_size
            seats[number] = seat

    fill()
    while seats:
        taken = sorted(seats)
        memories = [seats[number].memory for number in taken]
        chance = [apart[number] for number in taken] if draws_apart else rng
        decisions = policy.decide(memories, chance if temperature > 0 else None, temperature or 1.0)
        for number, decision in zip(taken, decisions, strict=True):
            seat = seats[number]
            if seat.take(decision):
                if judges_truncated and not seat.rollout.terminated:
                    seat.rollout.value_after = seat.judge_end()
                finished[number] = seat.leave()
                on_episode(seat.rollout)
                free.append(seats.pop(number))
        fill()
    return [finished[number] for number in played]


def make_envs(env_id: str, options: dict[str, Any], count: int) -> list[TextEnv]:
    """Make several environments of one kind.

    Args:
        env_id: The Gymnasium id.
        options: Options for `gym.make`.
        count: How many.

    Raises:
        ValueError: There is no such id, or the environment refuses an option.
    """
    try:
        return [gym.make(env_id, disable_env_checker=True, **options) for _ in range(count)]
    except gym.error.Error as error:
        raise ValueError(f"cannot make the environment {env_id!r}: {error}") from error
