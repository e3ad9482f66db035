"""Episodes for training and evaluation: played by the network in step, or by an expert one after the other."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np

from hiper_agents.policies.compact.decide import Decision, decide
from hiper_agents.policies.compact.network import CompactNetwork
from hiper_agents.policies.compact.notes import Notes, open_notes
from hiper_envs.episodes.agents import Agent
from hiper_envs.reply import parse_reply, write_reply
from hiper_envs.segments import SubgoalWrapper

TextEnv = gym.Env[str, str]


@dataclass
class Rollout:
    """The decisions of one episode with their rewards."""

    task: int
    decisions: list[Decision] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)
    terminated: bool = False
    score: float = 0.0
    success: bool = False
    num_segments: int = 0

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


def summarise(rollouts: Sequence[Rollout]) -> PlaySummary:
    """Return the means over some episodes."""
    return PlaySummary(
        success=float(np.mean([rollout.success for rollout in rollouts])),
        score=float(np.mean([rollout.score for rollout in rollouts])),
        turns=float(np.mean([rollout.num_turns for rollout in rollouts])),
        segments=float(np.mean([rollout.num_segments for rollout in rollouts])),
    )


class Seat:
    """One environment with the episode that is played in it."""

    def __init__(self, env: TextEnv, has_subgoals: bool) -> None:
        self.env = env if isinstance(env, SubgoalWrapper) else SubgoalWrapper(env)
        self.has_subgoals = has_subgoals

    def start(self, task: int, seed: int) -> None:
        """Begin an episode."""
        self.observation, self.info = self.env.reset(seed=seed, options={"task": task})
        self.notes: Notes = open_notes(self.observation, self.info, self.has_subgoals)
        self.rollout = Rollout(task)

    def take(self, decision: Decision, action: str) -> bool:
        """Take a turn; return whether the episode ended."""
        self.notes.decide(decision.subgoal, decision.is_boundary, action)
        if self.has_subgoals:
            reply = write_reply(action, self.notes.subgoal, decision.is_boundary)
        else:
            reply = write_reply(action)
        self.observation, reward, terminated, truncated, self.info = self.env.step(reply)
        rollout = self.rollout
        rollout.decisions.append(decision)
        rollout.rewards.append(float(reward))
        if terminated or truncated:
            rollout.terminated = terminated
            rollout.score, rollout.success = float(self.info["score"]), bool(self.info["success"])
            rollout.num_segments = len(self.info["segments"])
            return True
        self.notes.observe(self.observation, self.info["admissible_actions"])
        return False


def play_tasks(
    envs: Sequence[TextEnv],
    network: CompactNetwork,
    tasks: Sequence[int],
    rng: np.random.Generator,
    *,
    has_subgoals: bool = True,
    temperature: float = 1.0,
    on_episode: Callable[[Rollout], None] = lambda rollout: None,
) -> list[Rollout]:
    """Play one episode of each task, as many at a time as there are environments.

    Args:
        envs: Environments of the same kind; each plays one episode after the other.
        network: The policy.
        tasks: Positions of the tasks, repeats allowed.
        rng: Draws seeds and decisions.
        has_subgoals: False for a flat agent.
        temperature: Of the draws; 0 takes the likeliest decisions.
        on_episode: Called after each episode, for progress.

    Returns:
        The episodes in the order of `tasks`.
    """
    seeds = rng.integers(0, 2**31, size=len(tasks)).tolist()
    waiting = iter(range(len(tasks)))
    finished: dict[int, Rollout] = {}
    seats: dict[int, Seat] = {}
    free = [Seat(env, has_subgoals) for env in envs]

    def fill() -> None:
        while free:
            number = next(waiting, None)
            if number is None:
                return
            seat = free.pop()
            seat.start(tasks[number], seeds[number])
            seats[number] = seat

    fill()
    while seats:
        numbers = sorted(seats)
        notes = [seats[number].notes for number in numbers]
        decisions = decide(network, notes, rng if temperature > 0 else None, temperature or 1.0)
        for number, decision in zip(numbers, decisions, strict=True):
            seat = seats[number]
            if seat.take(decision, seat.notes.actions[decision.action]):
                finished[number] = seat.rollout
                on_episode(seat.rollout)
                free.append(seats.pop(number))
        fill()
    return [finished[number] for number in range(len(tasks))]


def record_expert(
    env: TextEnv, expert: Agent, tasks: Sequence[int], rng: np.random.Generator, *, has_subgoals: bool = True
) -> Iterator[Rollout]:
    """Play an expert and yield its episodes as decisions the network could have made.

    A declared subgoal that is no candidate counts as the open one being kept; an action that the network could not
    choose is taken and recorded as -1, so that the rest of such an episode can still be learned from.

    Args:
        env: The environment.
        expert: Any agent.
        tasks: Positions of the tasks.
        rng: Draws the seeds.
        has_subgoals: False to record for a flat agent.
    """
    seat = Seat(env, has_subgoals)
    for task in tasks:
        seed = int(rng.integers(0, 2**31))
        seat.start(task, seed)
        expert.reset(seed)
        is_done = False
        while not is_done:
            reply = parse_reply(expert.act(seat.observation, seat.info))
            decision = read_decision(seat.notes, reply.action, reply.subgoal, reply.switches)
            is_done = seat.take(decision, reply.action)
        yield seat.rollout


def read_decision(notes: Notes, action: str, subgoal: str, switches: bool) -> Decision:
    """Return an expert's turn as a decision; `action` is -1 when it is none the network could choose."""
    view = notes.view()
    position = notes.find_subgoal(subgoal) if notes.has_subgoals else 0
    is_open = notes.current >= 0
    is_boundary = not is_open or (notes.has_subgoals and switches and position is not None)
    chosen = (position if position is not None else 0) if is_boundary else notes.current
    return Decision(
        view=view,
        choices=notes.choices(notes.candidates[chosen]),
        chooses_switch=is_open and notes.has_subgoals,
        is_boundary=is_boundary,
        chooses_subgoal=is_boundary and notes.has_subgoals and position is not None,
        subgoal=chosen,
        action=notes.find_action(action),
    )


def make_envs(env_id: str, options: dict[str, Any], count: int) -> list[TextEnv]:
    """Make several environments of one kind."""
    return [gym.make(env_id, disable_env_checker=True, **options) for _ in range(count)]
