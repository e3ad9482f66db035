"""What playing panels needs of the system: locks of files, timers and pipes that can be waited for, as in POSIX."""

import os
import signal
from importlib.util import find_spec


class SystemLacksError(OSError):
    """The system cannot play panels, in one sentence."""


def require_posix() -> None:
    """Make sure that the system can play panels.

    Raises:
        SystemLacksError: It is none of POSIX.
    """
    lacks = [] if os.name == "posix" else ["pipes that select takes"]
    lacks += [] if find_spec("fcntl") else ["fcntl"]
    lacks += [] if hasattr(signal, "SIGALRM") else ["SIGALRM"]
    if lacks:
        raise SystemLacksError(
            f"playing panels needs a POSIX system, such as Linux, macOS or Windows' WSL: this one lacks"
            f" {' and '.join(lacks)}; the environments, training, and leaderboard score, report and verify do without"
        )
