"""A process of its own that plays tasks: `python -m leaderboard.play.child`, spoken to in the protocol's JSON lines.

Whatever the agent prints goes to standard error; what it reads from standard input is empty.
"""

import os
import sys
from typing import IO

import msgspec

from hiper_envs.episodes.agents import AgentError
from leaderboard.panels.fingerprint import PanelError
from leaderboard.play.player import Player, WorldError
from leaderboard.play.protocol import Answer, Played, PlayTask, Ready, Refused, Setup, TurnStarted, WorldBroken


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
    except (PanelError, AgentError) as error:
        send(Refused(str(error), isinstance(error, AgentError)))
        return
    send(Ready(player.ignores_case))
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
