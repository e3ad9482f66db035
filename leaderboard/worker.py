"""A process of its own that plays tasks: `python -m leaderboard.worker`, spoken to in JSON lines.

The first line that it reads is a `Setup`, each further one a `PlayTask`. It answers the setup with `Ready` or
`Refused`, and each task with a `TurnStarted` before each turn of the agent, then `Played` or `WorldBroken`. Whatever
the agent prints goes to standard error; what it reads from standard input is empty.
"""

import os
import sys
from typing import IO

import msgspec

from hiper_envs import Episode
from leaderboard.panel import Panel
from leaderboard.player import Player, WorldError
from leaderboard.submission import SubmissionError
from leaderboard.world import PanelError, PanelTask


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
    """The world and the agent are made."""


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


def main() -> None:
    """Serve until standard input ends."""
    requests, answers = claim_standard_streams()

    def send(answer: Answer) -> None:
        answers.write(msgspec.json.encode(answer) + b"\n")
        answers.flush()

    setup = msgspec.json.decode(requests.readline(), type=Setup)
    try:
        player = Player(
            setup.panel,
            setup.agent,
            agent_name=setup.agent_name,
            turn_seconds=setup.turn_seconds,
            on_turn=lambda last_reply: send(TurnStarted(last_reply)),
        )
    except (PanelError, SubmissionError) as error:
        send(Refused(str(error), isinstance(error, SubmissionError)))
        return
    send(Ready())
    for line in requests:
        request = msgspec.json.decode(line, type=PlayTask)
        try:
            send(Played(player.play(request.task, request.seed)))
        except WorldError as error:
            send(WorldBroken(str(error)))


def claim_standard_streams() -> tuple[IO[bytes], IO[bytes]]:
    """Keep standard input and output for the protocol, and give the agent others."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return requests, answers


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        sys.exit(1)
