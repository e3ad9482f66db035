"""What a run and the processes that play for it say to each other, as JSON lines.

The first line that a process reads is a `Setup`, each further one a `PlayTask`. It answers the setup with `Ready` or
`Refused`, and each task with a `TurnStarted` before each turn of the agent, then `Played` or `WorldBroken`.
"""

import msgspec

from hiper_envs import Episode
from leaderboard.panels.fingerprint import PanelTask
from leaderboard.panels.panel import Panel


class Setup(msgspec.Struct, frozen=True):
    """What a worker plays."""

    panel: Panel
    agent: str
    agent_name: str
    turn_seconds: float | None


class PlayTask(msgspec.Struct, frozen=True):
    """The task to play next."""

    task: PanelTask
    seed: int


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The world and the agent are made; whether the agent wants its actions played without regard to case."""

    ignores_case: bool | None = None


class Refused(msgspec.Struct, frozen=True, tag=True):
    """The world or the agent cannot be made, in one sentence."""

    reason: str
    is_agent: bool


class TurnStarted(msgspec.Struct, frozen=True, tag=True):
    """The agent is about to be asked; its last reply, if the episode has one, has been played."""

    last_reply: str | None


class Played(msgspec.Struct, frozen=True, tag=True):
    """The record of a task."""

    episode: Episode


class WorldBroken(msgspec.Struct, frozen=True, tag=True):
    """The environment failed."""

    reason: str


Answer = Ready | Refused | TurnStarted | Played | WorldBroken
