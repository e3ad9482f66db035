"""A progress bar for runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as ProgressBar
from rich.text import Text

from leaderboard.play.runner import Progress


@contextmanager
def show_progress(console: Console, title: str) -> Iterator[Callable[[Progress], None]]:
    """Show a bar while the block runs; one that got nowhere does not stay.

    Args:
        console: Where to show it.
        title: What is being played.

    Yields:
        What to give to `run_panel` as `on_progress`.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[outcome]}"),
        TimeElapsedColumn(),
    )
    num_successes = num_played = 0
    bar = ProgressBar(*columns, console=console)
    row = bar.add_task(Text(title).markup, total=None, outcome="")

    def show(progress: Progress) -> None:
        nonlocal num_successes, num_played
        if progress.episode is not None and not progress.episode.failed_around:
            num_played += 1
            num_successes += progress.episode.success
        outcome = f"{num_successes / num_played:.0%} success" if num_played else ""
        bar.update(row, completed=progress.num_done, total=progress.num_tasks, outcome=outcome)
        bar.live.transient = not progress.num_done
        if progress.num_done or console.is_terminal:
            bar.start()

    try:
        yield show
    finally:
        if bar.live.is_started:
            bar.stop()
