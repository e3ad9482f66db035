"""The `leaderboard` command.

Exit codes: 0 when all is well; 1 when a check failed, a replay differs, or episodes failed around the agent; 2 for
input that will not do (one sentence on standard error); 130 when interrupted.
"""

import os
import sys
from collections.abc import Callable

import tyro

from hiper_envs.episodes.agents import AgentError
from hiper_envs.episodes.files import RecordError
from leaderboard.commands.freezing import freeze, panels, refreeze
from leaderboard.commands.playing import check, run
from leaderboard.commands.reading import report, score, show_episode, verify
from leaderboard.panels.fingerprint import PanelError
from leaderboard.play.player import WorldError
from leaderboard.play.run_header import RunError
from webshop_server.command_line import read_command_line
from webshop_server.endings import run_to_end

PROGRAM = "leaderboard"
COMMANDS: dict[str, Callable[..., int]] = {
    "run": run,
    "score": score,
    "report": report,
    "show": show_episode,
    "verify": verify,
    "check": check,
    "panels": panels,
    "freeze": freeze,
    "refreeze": refreeze,
}
MISTAKES = (PanelError, RunError, AgentError, RecordError, WorldError, OSError, ImportError, UnicodeEncodeError)
"""What tells of the input, of somebody's agent or world, of a file or of what is installed."""


def main() -> None:
    """Run the command line."""
    sys.path.insert(0, os.getcwd())

    def run_command() -> None:
        read_command_line(PROGRAM, COMMANDS, sys.argv[1:])
        sys.exit(tyro.extras.subcommand_cli_from_dict(COMMANDS, prog=PROGRAM, description=_DESCRIPTION))

    stopped = f"{PROGRAM}: interrupted; the same command goes on from here"
    run_to_end(PROGRAM, run_command, mistakes=MISTAKES, interrupted=stopped)


_DESCRIPTION = "Play panels of tasks with any agent, and score, report and verify what was played."

if __name__ == "__main__":
    main()
