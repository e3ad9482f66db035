"""How a command of the suite ends: one sentence for whatever went wrong, and nothing at all for a closed pipe."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

from rich.console import Console

from webshop_server.command_line import BAD_INPUT, prepare_streams
from webshop_server.extras import explain_missing

INTERRUPTED, CLOSED_PIPE, LEFT = 130, 1, 1
_CONTROLS = [*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F]
HARMLESS = {code: "\N{REPLACEMENT CHARACTER}" for code in _CONTROLS if chr(code) not in "\n\t"}
"""Characters that would move the cursor, change the terminal or turn the text around."""
MISTAKES = (ValueError, TypeError, OSError, ImportError)
"""What tells of the input, of a file or of what is installed, and so ends a command with a sentence."""


def run_to_end(
    program: str,
    command: Callable[[], None],
    *,
    code: Callable[[Exception], int] = lambda error: BAD_INPUT,
    mistakes: tuple[type[Exception], ...] = MISTAKES,
    interrupted: str = "stopped",
) -> None:
    """Run a command; a mistake ends it with one sentence on standard error.

    Output that nobody reads any more (`| head -1`) ends it without a word.

    Args:
        program: Name of the program.
        command: What it does.
        code: Exit status for a mistake.
        mistakes: What counts as one; anything else is a fault of the suite and is raised.
        interrupted: What to say after Ctrl-C.

    Raises:
        SystemExit: The command failed, or says so itself.
    """
    prepare_streams()
    try:
        try:
            with _no_silent_exit(program):
                command()
        finally:
            _flush()
    except BrokenPipeError:
        _drop_output()
        sys.exit(CLOSED_PIPE)
    except KeyboardInterrupt:
        _say(interrupted)
        sys.exit(INTERRUPTED)
    except mistakes as error:
        _drop_output()
        _say(f"{program}: {tell_mistake(error)}", "red")
        sys.exit(code(error))


def tell_mistake(error: BaseException) -> str:
    """Return one line that says what went wrong."""
    if isinstance(error, UnicodeEncodeError):
        told = f"a text of the command line cannot be read in this locale, or holds what UTF-8 cannot: {error}"
    elif isinstance(error, ImportError):
        told = explain_missing(error)
    elif isinstance(error, OSError) and error.strerror:
        place = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, (str, bytes, os.PathLike)) else ""
        told = f"{place}{error.strerror}"
    else:
        told = str(error) or type(error).__name__
    return " ".join(told.split()).translate(HARMLESS)


@contextmanager
def _no_silent_exit(program: str) -> Iterator[None]:
    """Let code that is not ours, an agent's, not end this process at once by `os._exit` as if all had gone well."""
    leave, process = os._exit, os.getpid()

    def tell_and_leave(status: int) -> NoReturn:
        if os.getpid() == process:  # children that were forked end so
            _say(f"{program}: something that was run here ended the program at once, by os._exit({status})", "red")
        leave(status or LEFT if os.getpid() == process else status)

    os._exit = tell_and_leave
    try:
        yield
    finally:
        os._exit = leave


def _flush() -> None:
    if sys.stdout is not None:  # a program without a console has none
        sys.stdout.flush()


def _say(text: str, style: str = "") -> None:
    with suppress(OSError, ValueError):
        Console(stderr=True).print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def _drop_output() -> None:
    """Send what standard output still holds nowhere if it cannot be written, so that the end of Python is quiet."""
    try:
        _flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)
