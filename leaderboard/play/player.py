"""Playing one task of a panel with somebody else's agent, whatever that agent does."""

import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import msgspec

from hiper_envs import Agent, Episode, play_episode
from hiper_envs.episodes.agent_facts import read_card, read_ignores_case, read_usage
from hiper_envs.episodes.agents import AgentError, AgentFactory
from hiper_envs.episodes.record import Usage
from hiper_envs.plain_text import describe_error, make_plain, plain_reply
from leaderboard.panels.fingerprint import PanelTask
from leaderboard.panels.panel import Panel
from leaderboard.play.posix import require_posix
from leaderboard.play.submission import load_agent

PACKAGE_FOLDER = Path(__file__).parent
NUM_TRACEBACK_FRAMES = 3


class WorldError(RuntimeError):
    """The environment, not the agent, failed: the run cannot go on."""


class TurnTimeoutError(Exception):
    """The agent took longer over a turn than the run allows."""


class AgentFailureError(Exception):
    """The agent raised something."""


class _Alarm(BaseException):
    """Raised inside the agent when its time is up; no `except Exception` of the agent swallows it."""


class GuardedAgent:
    """Passes turns on to an agent, limits their time, and keeps what went wrong as text.

    Args:
        agent: The submission's agent.
        turn_seconds: Time limit of a reset and of a turn; None for no limit.
        on_turn: Called before each with the last reply, None if there is none yet.
        ignores_case: What the agent says of case, see `read_ignores_case`.

    Attributes:
        usage: What the last reply used, if the agent says so.
        failure: What went wrong, None as long as nothing did.
    """

    def __init__(
        self,
        agent: Agent,
        turn_seconds: float | None,
        on_turn: Callable[[str | None], None],
        ignores_case: bool | None = None,
    ) -> None:
        self._agent = agent
        self._turn_seconds = turn_seconds
        self._on_turn = on_turn
        self._last_reply: str | None = None
        self.ignores_case = ignores_case
        self.usage: Usage | None = None
        self.failure: str | None = None

    def reset(self, seed: int) -> None:
        """Reset the agent."""
        with self._guard():
            self._agent.reset(seed)

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        """Return the agent's reply."""
        with self._guard():
            reply = self._agent.act(observation, private_copy(info))
            self.usage = read_usage(self._agent)
        try:
            self._last_reply = plain_reply(reply)
        except Exception as error:
            self.failure = describe_error(error)
            raise AgentFailureError(self.failure) from None
        return self._last_reply

    @contextmanager
    def _guard(self) -> Iterator[None]:
        self._on_turn(self._last_reply)
        try:
            with time_limit(self._turn_seconds):
                yield
        except KeyboardInterrupt:
            raise
        except _Alarm:
            self.failure = f"TurnTimeoutError: no reply within {self._turn_seconds:g} seconds"
            raise TurnTimeoutError(self.failure) from None
        except BaseException as error:
            self.failure = describe_failure(error)
            raise AgentFailureError(self.failure) from error


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Raise inside the block once `seconds` have passed; only in a main thread, None for no limit."""
    if seconds is None:
        yield
        return
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("a time limit on turns works in the main thread only: play with num_workers >= 1")
    require_posix()

    def raise_alarm(signum: int, frame: FrameType | None) -> None:
        raise _Alarm

    previous = signal.signal(signal.SIGALRM, raise_alarm)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def private_copy(info: Mapping[str, object]) -> dict[str, object]:
    """Copy `info` with all lists and dicts in it, so that nothing an agent does to it reaches the world."""
    return {key: _copy(value) for key, value in info.items()}


def _copy(value: object) -> object:
    if isinstance(value, dict):
        return {key: _copy(inner) for key, inner in value.items()}
    return [_copy(inner) for inner in value] if isinstance(value, list) else value


def describe_failure(error: BaseException) -> str:
    """Return an exception as text, with where it was raised: the last frames, files without their folders."""
    lines = [describe_error(error)]
    for frame in _agent_frames(traceback.extract_tb(error.__traceback__))[-NUM_TRACEBACK_FRAMES:]:
        file_name = "/".join(frame.filename.split("/")[-2:])
        lines.append(f"  {file_name}, line {frame.lineno}, in {frame.name}: {frame.line}")
    return make_plain("\n".join(lines))


def _agent_frames(frames: Sequence[traceback.FrameSummary]) -> Sequence[traceback.FrameSummary]:
    """Drop the frames down to the last one of this package."""
    own = [position for position, frame in enumerate(frames) if Path(frame.filename).parent == PACKAGE_FOLDER]
    return frames[own[-1] + 1 :] if own else frames


class Player:
    """Plays tasks of a panel, one at a time, in this process.

    Args:
        panel: The panel.
        agent: The submission, see `load_agent`.
        agent_name: Its name in the records.
        turn_seconds: Time limit of each turn, None for none.
        on_turn: Called before each turn of the agent with its last reply, None if there is none yet.

    Attributes:
        card: What the agent says of itself, once it is made.
        ignores_case: What it says of case then; it holds for all episodes, also those of agents made later.

    Raises:
        PanelError: The world cannot be made or lacks a task.
        AgentError: The agent cannot be loaded or made.
    """

    def __init__(
        self,
        panel: Panel,
        agent: str,
        *,
        agent_name: str,
        turn_seconds: float | None = None,
        on_turn: Callable[[str | None], None] = lambda last_reply: None,
    ) -> None:
        self._env = panel.make_env(may_import=True)
        self._make_agent: AgentFactory = load_agent(agent)
        self._agent: Agent | None = self._make_agent()
        self.card = read_card(self._agent)
        self.ignores_case = read_ignores_case(self._agent)
        self._agent_name = agent_name
        self._turn_seconds = turn_seconds
        self._on_turn = on_turn

    def play(self, task: PanelTask, seed: int) -> Episode:
        """Play one task; a failure of the agent is an episode with an error, and the next one gets a new agent.

        Raises:
            WorldError: The environment failed.
        """
        agent = self._agent or self._make_agent_again()
        guarded = GuardedAgent(agent, self._turn_seconds, self._on_turn, self.ignores_case)
        try:
            episode = play_episode(self._env, guarded, task=task.task, seed=seed, agent_name=self._agent_name)
        except Exception as error:
            raise WorldError(f"the world failed on task {task.task!r}: {describe_failure(error)}") from error
        self._agent = agent if guarded.failure is None else None
        return msgspec.structs.replace(episode, error=guarded.failure) if guarded.failure else episode

    def _make_agent_again(self) -> Agent:
        try:
            return self._make_agent()
        except AgentError as error:
            return _BrokenAgent(error)


class _BrokenAgent:
    """Stands for an agent that could be made at first and, after a failure, no more."""

    def __init__(self, reason: AgentError) -> None:
        self._reason = reason

    def reset(self, seed: int) -> None:
        raise AgentFailureError(str(self._reason)) from self._reason

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        raise AgentFailureError(str(self._reason)) from self._reason
