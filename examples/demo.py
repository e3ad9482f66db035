"""Plays the shipped agents on a small panel of each world, shows an episode of each, their scores, and a report."""

import shutil
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as ProgressBar
from rich.rule import Rule

from leaderboard.board.report import write_report
from leaderboard.board.tables import render_episode, render_table
from leaderboard.play.run_folder import Run
from leaderboard.play.runner import Progress, run_panel
from leaderboard.scoring.scores import score_run

PANELS = {
    "alfworld-demo-v2": ("expert", "hiper", "flat", "random"),
    "webshop-demo-v2": ("expert", "hiper", "flat", "rule", "random"),
}
SHOWN_AGENT = "hiper"
MIN_SEGMENTS = 3
MAX_OBSERVATION_CHARACTERS = 400
console = Console()


def play(panel: str, agent: str, folder: Path, bars: ProgressBar) -> Run:
    """Play one panel with one of the shipped agents, with a progress bar."""
    bar = bars.add_task(f"{panel}  {agent}", total=None)

    def advance(progress: Progress) -> None:
        bars.update(bar, completed=progress.num_done, total=progress.num_tasks)

    return run_panel(f"hiper_agents:{agent}", panel, folder / panel / agent, num_workers=0, on_progress=advance)


def show_episode(run: Run) -> None:
    """Show a short success with several segments turn by turn, or the first episode if there is no success."""
    successes = [episode for episode in run.episodes if episode.success]
    successes.sort(key=lambda episode: (len(episode.segments) < MIN_SEGMENTS, episode.num_turns))
    episode = (successes or run.episodes)[0]
    console.print(Rule(f"One episode of the HiPER agent on {run.panel.name}"))
    console.print(render_episode(episode, MAX_OBSERVATION_CHARACTERS))


def main(folder: Path) -> None:
    """Run the whole demonstration, keeping records and report in `folder`."""
    started = time.perf_counter()
    shutil.rmtree(folder, ignore_errors=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with ProgressBar(*columns, console=console) as bars:
        runs = [play(panel, agent, folder, bars) for panel, agents in PANELS.items() for agent in agents]
    for run in runs:
        if run.folder.name == SHOWN_AGENT:
            show_episode(run)
    console.print(Rule("Scores"), render_table([score_run(run) for run in runs]))
    report = write_report(runs, folder / "report.html")
    console.print(f"\nReport: {report.resolve()}", soft_wrap=True)
    console.print(f"Done in {time.perf_counter() - started:.0f} s.")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("runs/demo"))
