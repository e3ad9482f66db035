"""A check for submissions: what an agent must do, tried on a few turns of both worlds."""

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import gymnasium as gym

from hiper_envs import Agent, SubgoalWrapper, parse_reply
from hiper_envs.episodes.play import read_ignores_case
from leaderboard.panels.fingerprint import make_world
from leaderboard.play.player import GuardedAgent
from leaderboard.play.submission import load_agent

WORLDS = ("hiper/ALFWorld-v0", "hiper/WebShop-v0")
NUM_TURNS = 6
SEED = 7
TASK = 0


class Finding(NamedTuple):
    """The outcome of one check.

    Attributes:
        world: The world's id, "" for the agent by itself.
        what: What an agent must do.
        verdict: "pass", "warning" (allowed, but hardly meant) or "fail".
        detail: What was seen.
    """

    world: str
    what: str
    verdict: str
    detail: str = ""


class _Walk(NamedTuple):
    """A few turns of an agent."""

    replies: list[str]
    actions: list[str]
    admissible: list[list[str]]
    is_info_intact: bool
    seconds: float
    failure: str | None


def check_agent(
    name: str,
    worlds: tuple[str, ...] = WORLDS,
    turn_seconds: float | None = None,
    on_world: Callable[[str], None] = lambda world: None,
) -> Iterator[Finding]:
    """Try an agent on a few turns of each world.

    Args:
        name: The submission, see `load_agent`.
        worlds: Gymnasium ids.
        turn_seconds: Time limit of a turn, None for none.
        on_world: Called with each world's id before it is tried.

    Yields:
        What was found, check by check.

    Raises:
        AgentError: The agent cannot be loaded or made.
    """
    make_agent = load_agent(name)
    agent = make_agent()
    yield Finding("", "can be made without arguments, with reset and act", "pass", type(agent).__name__)
    for world in worlds:
        on_world(world)
        env = SubgoalWrapper(make_world(world, {}, NUM_TURNS))

        def walk(agent: Agent, env: gym.Env[str, str] = env) -> _Walk:
            return _walk(env, agent, turn_seconds)

        yield from _check_world(world, walk, agent, make_agent)
        env.close()


def _check_world(
    world: str, walk: Callable[[Agent], _Walk], agent: Agent, make_agent: Callable[[], Agent]
) -> Iterator[Finding]:
    first = walk(agent)
    if first.failure is not None:
        yield Finding(world, "replies with a string on every turn", "fail", first.failure)
        return
    pace = f"{len(first.replies)} turns, {first.seconds / max(1, len(first.replies)):.3f} s a turn"
    yield Finding(world, "replies with a string on every turn", "pass", pace)
    yield _check_form(world, first)
    yield _check_actions(world, first)
    yield Finding(world, "leaves info as it is", *_verdict(first.is_info_intact, "changed it", is_must=False))
    again = walk(agent)
    is_same = again.replies == first.replies
    detail = "the same seed gave other replies in a second episode: reset must clear everything, and draw from its seed"
    yield Finding(world, "plays the same after reset with the same seed", *_verdict(is_same, detail))
    fresh = walk(make_agent())
    is_same = fresh.replies == first.replies
    detail = "a second agent with the same seed gave other replies: agents share something, or draw without the seed"
    yield Finding(world, "plays the same as a new agent with the same seed", *_verdict(is_same, detail))


def _check_form(world: str, walk: _Walk) -> Finding:
    what = "writes <switch>, <subgoal> and <action>"
    parsed = [parse_reply(reply) for reply in walk.replies]
    forms = {reply.form for reply in parsed}
    if forms == {"flat"}:
        return Finding(world, what, "warning", "no tags at all: every reply is an action, every episode one segment")
    if forms == {"react"}:
        return Finding(world, what, "warning", "<action> only: every episode is one segment")
    problems = [problem for reply in parsed for problem in reply.problems]
    return Finding(world, what, *_verdict(not problems, "; ".join(problems[:2]), is_must=False))


def _check_actions(world: str, walk: _Walk) -> Finding:
    pairs = zip(walk.actions, walk.admissible, strict=True)
    odd = [action for action, allowed in pairs if not _is_usable(action, allowed)]
    return Finding(world, "chooses admissible actions", *_verdict(not odd, f"not admissible: {odd[:3]}", is_must=False))


def _is_usable(action: str, allowed: list[str]) -> bool:
    """Return whether an action is listed; any search is one where there is a search."""
    is_search = action.startswith("search[") and any(other.startswith("search[") for other in allowed)
    return action in allowed or is_search


def _verdict(is_fine: bool, detail: str, *, is_must: bool = True) -> tuple[str, str]:
    return ("pass", "") if is_fine else ("fail" if is_must else "warning", detail)


def _walk(env: gym.Env[str, str], agent: Agent, turn_seconds: float | None) -> _Walk:
    observing = _ObservingAgent(agent)
    guarded = GuardedAgent(observing, turn_seconds, lambda last_reply: None)
    replies: list[str] = []
    actions: list[str] = []
    admissible: list[list[str]] = []
    observation, info = env.reset(seed=SEED, options={"task": TASK, "ignores_case": bool(read_ignores_case(agent))})
    is_over = False
    started = time.perf_counter()
    try:
        guarded.reset(SEED)
        while not is_over:
            admissible.append(list(info["admissible_actions"]))
            replies.append(guarded.act(observation, info))
            observation, _, terminated, truncated, info = env.step(replies[-1])
            actions.append(info["action"])
            is_over = terminated or truncated
    except Exception:
        if guarded.failure is None:
            raise
    return _Walk(replies, actions, admissible, observing.is_info_intact, time.perf_counter() - started, guarded.failure)


class _ObservingAgent:
    """Passes turns on and notices whether the agent changes what it is given."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self.is_info_intact = True

    def reset(self, seed: int) -> None:
        self._agent.reset(seed)

    def act(self, observation: str, info: Any) -> str:
        before = repr(info)
        reply = self._agent.act(observation, info)
        self.is_info_intact &= repr(info) == before
        return reply
