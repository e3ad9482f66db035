"""Checks of a submission in a process of its own, `python -m leaderboard.play.check_process`, which the agent may end.

The process reads one line of JSON, a `CheckSetup`, and writes lines: the id of each world that it enters, a `Finding`
for each check, a `Refusal` if there is nothing to check, and null when it is through.
"""

import subprocess
import sys
from collections.abc import Iterator

import msgspec

from hiper_envs.episodes.agents import AgentError
from leaderboard.panels.fingerprint import PanelError
from leaderboard.play.child import claim_standard_streams
from leaderboard.play.conformance import Finding, check_agent
from leaderboard.play.worker import describe_end, worker_environment


class CheckSetup(msgspec.Struct, frozen=True):
    """What to check."""

    agent: str
    worlds: tuple[str, ...]
    turn_seconds: float | None


class Refusal(msgspec.Struct, frozen=True):
    """Why there is nothing to check, in one sentence."""

    reason: str
    is_agent: bool


_decode_line = msgspec.json.Decoder(Finding | Refusal | str | None).decode


def check_in_process(setup: CheckSetup) -> Iterator[Finding]:
    """Check an agent as `check_agent` does; one that ends its process is a finding, not the end of the check.

    Raises:
        PanelError: A world cannot be made.
        AgentError: The agent cannot be loaded or made.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "leaderboard.play.check_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=worker_environment(),
        start_new_session=True,
    )
    try:
        yield from _receive(process, setup)
    finally:
        process.kill()
        process.communicate()


def _receive(process: subprocess.Popen[bytes], setup: CheckSetup) -> Iterator[Finding]:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the process of the check has no pipes")
    process.stdin.write(msgspec.json.encode(setup) + b"\n")
    process.stdin.flush()
    world = ""
    for line in process.stdout:
        match _decode_line(line):
            case None:
                return
            case str(entered):
                world = entered
            case Refusal(reason, is_agent):
                raise AgentError(reason) if is_agent else PanelError(reason)
            case finding:
                yield finding
    yield Finding(world, "leaves its process alone", "fail", f"the agent's process {describe_end(process.wait())}")


def main() -> None:
    """Check what standard input names."""
    requests, answers = claim_standard_streams()

    def send(answer: Finding | Refusal | str | None) -> None:
        answers.write(msgspec.json.encode(answer) + b"\n")
        answers.flush()

    setup = msgspec.json.decode(requests.readline(), type=CheckSetup)
    try:
        for finding in check_agent(setup.agent, setup.worlds, setup.turn_seconds, on_world=send):
            send(finding)
    except (PanelError, AgentError) as error:
        send(Refusal(str(error), isinstance(error, AgentError)))
    send(None)


if __name__ == "__main__":
    main()
