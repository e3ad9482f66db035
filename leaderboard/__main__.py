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
from leaderboard.commands.screen import BAD_INPUT, INTERRUPTED, complain
from leaderboard.panels.fingerprint import PanelError
from leaderboard.play.player import WorldError
from leaderboard.play.run_header import RunError
from webshop_server.command_line import prepare_streams, read_command_line

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


def main() -> None:
    """Run the command line."""
    prepare_streams()
    read_command_line(PROGRAM, COMMANDS, sys.argv[1:])
    sys.path.insert(0, os.getcwd())
    try:
        code = tyro.extras.subcommand_cli_from_dict(COMMANDS, prog=PROGRAM, description=_DESCRIPTION)
    except (PanelError, RunError, AgentError, RecordError, WorldError, OSError) as error:
        complain(str(error))
        code = BAD_INPUT
    except UnicodeEncodeError as error:
        complain(f"a text of the command line cannot be read in this locale, or holds what UTF-8 cannot: {error}")
        code = BAD_INPUT
    except KeyboardInterrupt:
        complain("interrupted; the same command goes on from here")
        code = INTERRUPTED
    sys.exit(code)


_DESCRIPTION = "Play panels of tasks with any agent, and score, report and verify what was played."

if __name__ == "__main__":
    main()
