"""What the commands say: harmless on any terminal, whoever wrote the texts; one sentence if something is wrong."""

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.text import Text

from webshop_server.endings import HARMLESS

OK, FAILED = 0, 1
console = Console()


class Harmless:
    """Something to show whose texts cannot do anything to the terminal."""

    def __init__(self, inside: RenderableType) -> None:
        self.inside = inside

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render with every control character of the texts replaced."""
        for segment in console.render(self.inside, options):
            text = segment.text if segment.control else segment.text.translate(HARMLESS)
            yield Segment(text, segment.style, segment.control)


def show(renderable: RenderableType) -> None:
    """Show a table or an episode."""
    console.print(Harmless(renderable), highlight=False)


def say(text: str) -> None:
    """Say a sentence on standard output, on one line."""
    console.print(Harmless(Text(text)), soft_wrap=True)


def complain(text: str) -> None:
    """Say on standard error what is wrong, on one line."""
    Console(stderr=True).print(Harmless(Text(f"leaderboard: {' '.join(text.split())}")), soft_wrap=True)


def count(items: int | Iterable[object], noun: str) -> str:
    """Return "1 episode", "2 episodes"."""
    number = items if isinstance(items, int) else len(list(items))
    return f"{number} {noun}{'' if number == 1 else 's'}"
