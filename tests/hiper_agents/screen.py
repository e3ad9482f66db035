"""A console that writes into memory."""

from io import StringIO

from rich.console import Console


def make_console() -> Console:
    """Return a wide one that is no terminal."""
    return Console(file=StringIO(), width=200, force_terminal=False)


def written(console: Console) -> str:
    """Return what was written to such a console."""
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()
