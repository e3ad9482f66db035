"""What a training run tells while it runs, and two listeners."""

import time
from collections.abc import Mapping
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


class Listener(Protocol):
    """Hears how a run gets on."""

    def start(self, stage: str, total: int) -> None:
        """A stage of `total` units begins."""

    def advance(self, units: int = 1) -> None:
        """Some units of the stage are done."""

    def report(self, metrics: Mapping[str, object]) -> None:
        """A step is done; these are its metrics."""

    def warn(self, trouble: str) -> None:
        """Something goes wrong; the run goes on."""


class Silence:
    """Hears and says nothing."""

    def start(self, stage: str, total: int) -> None:
        """Say nothing."""

    def advance(self, units: int = 1) -> None:
        """Say nothing."""

    def report(self, metrics: Mapping[str, object]) -> None:
        """Say nothing."""

    def warn(self, trouble: str) -> None:
        """Say nothing."""


class ProgressBar:
    """Shows the stage as a bar and each step's metrics as a line.

    Where there is no screen, as in a file, a long stage writes a line now and then instead.

    Args:
        console: Where to.
        patience: Seconds between such lines.
    """

    def __init__(self, console: Console, patience: float = 60.0) -> None:
        self.console, self.patience = console, patience
        columns = (TextColumn("{task.description:>12}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=console, transient=True)
        self._task: TaskID | None = None
        self._told_at = time.monotonic()

    def __enter__(self) -> "ProgressBar":
        if self.console.is_terminal:
            self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self.console.is_terminal:
            self._progress.stop()

    def start(self, stage: str, total: int) -> None:
        """Show a new bar."""
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(stage, total=total)

    def advance(self, units: int = 1) -> None:
        """Move the bar."""
        if self._task is None:
            return
        self._progress.advance(self._task, units)
        if not self.console.is_terminal and time.monotonic() - self._told_at >= self.patience:
            self._told_at = time.monotonic()
            task = self._progress.tasks[0]
            self.console.print(f"{task.description}: {task.completed:.0f} of {task.total:.0f}", highlight=False)

    def report(self, metrics: Mapping[str, object]) -> None:
        """Write a line."""
        self._told_at = time.monotonic()
        parts = [f"{name} {_brief(value)}" for name, value in metrics.items()]
        self.console.print("  ".join(parts), highlight=True)

    def warn(self, trouble: str) -> None:
        """Write a line that stands out."""
        self.console.print(trouble, style="yellow", markup=False, highlight=False)


def _brief(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
