"""What the suite's commands share: plain output anywhere, `--version`, and one sentence for a mistyped name."""

import codecs
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import metadata
from typing import get_type_hints

import tyro

from webshop_server.allowed_names import check_choice

DISTRIBUTION = "hiper-suite"
BAD_INPUT = 2
PARSER_PREFIX = "--tyro-"
(POSITIONAL,) = tyro.conf.Positional[str].__metadata__  # type: ignore[attr-defined]
PLAIN_CHARACTERS = {
    **dict.fromkeys("─━╌╴╶╸╺═", "-"),
    **dict.fromkeys("│┃║▌▐", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯╒╕╘╛╞╡╪┏┓┗┛┡┩┳╇", "+"),
    **dict.fromkeys("•◆●", "*"),
    **dict.fromkeys("\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}", "'"),
    **dict.fromkeys("\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}", '"'),
    **dict.fromkeys("\N{EN DASH}\N{EM DASH}", "-"),
    "…": ".",
    "\N{NO-BREAK SPACE}": " ",
}
"""What stands for a character where the terminal cannot show it, each as wide as the other; "?" for all else."""


def write_plainly(error: UnicodeError) -> tuple[str, int]:
    """Give what an encoding cannot hold as plain characters; an error handler for `codecs`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(PLAIN_CHARACTERS.get(each, "?") for each in error.object[error.start : error.end]), error.end


def prepare_streams() -> None:
    """Let standard output and error take any text, whatever their encoding (LC_ALL=C, a pipe, an old terminal)."""
    codecs.register_error("plain", write_plainly)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="plain")


def read_command_line(program: str, commands: Mapping[str, Callable[..., object]], arguments: Sequence[str]) -> None:
    """Answer `--version`, and refuse a command or an option that does not exist with one sentence and exit code 2.

    Values are left to whatever parses them; what follows "--" is no option.

    Args:
        program: Name of the program.
        commands: What each command calls, whose parameters are its options.
        arguments: The command line without the program.

    Raises:
        SystemExit: There is nothing more to do.
    """
    if "--version" in arguments[:1]:
        sys.stdout.write(f"{program} {find_version()}\n")
        raise SystemExit(0)
    fault = _find_fault(program, commands, arguments)
    if fault is not None:
        sys.stderr.write(f"{program}: {fault}\n")
        raise SystemExit(BAD_INPUT)


def find_version() -> str:
    """Return the version of the suite, or that it is not installed."""
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return f"of unknown version: {DISTRIBUTION} is not installed"


def _find_fault(program: str, commands: Mapping[str, Callable[..., object]], arguments: Sequence[str]) -> str | None:
    if not arguments:
        return f"say what to do: {', '.join(commands)}; {program} --help tells more"
    name, *others = arguments
    if name in ("-h", "--help") or name.startswith(PARSER_PREFIX):
        return None
    if name.startswith("-"):
        return _explain(name, ("--help", "--version"), f"option of {program} by itself")
    if name not in commands:
        return _explain(name, commands, "command")
    allowed = ["--help", *_list_options(commands[name])]
    for argument in others:
        option = argument.partition("=")[0].replace("_", "-")
        if option == "--":
            return None
        if option.startswith("--") and option not in allowed:
            return _explain(option, allowed, f"option of {program} {name}")
    return None


def _list_options(command: Callable[..., object]) -> Iterable[str]:
    hints = get_type_hints(command, include_extras=True)
    for name, parameter in inspect.signature(command).parameters.items():
        told = getattr(hints.get(name), "__metadata__", ())
        if POSITIONAL in told:
            continue
        option = name.replace("_", "-")
        yield f"--{option}"
        yield from (alias for each in told for alias in getattr(each, "aliases", None) or () if alias.startswith("--"))
        if isinstance(parameter.default, bool):
            yield f"--no-{option}"


def _explain(name: str, allowed: Iterable[str], what: str) -> str:
    try:
        check_choice(name, allowed, what)
    except ValueError as error:
        return str(error)
    return f"unknown {what} {name!r}"
