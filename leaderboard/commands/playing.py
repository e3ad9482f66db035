"""`leaderboard run` and `leaderboard check`: playing with a submission."""

import shlex
from pathlib import Path

import tyro
from rich.console import Console

from hiper_envs.episodes.agents import split_name
from leaderboard.board.tables import render_findings, render_table
from leaderboard.commands.screen import FAILED, OK, complain, count, say, show
from leaderboard.panels.panel import load_panel
from leaderboard.play.check_process import CheckSetup, check_in_process
from leaderboard.play.conformance import WORLDS
from leaderboard.play.progress import show_progress
from leaderboard.play.run import Run, load_run
from leaderboard.play.run_header import RunError, check_name
from leaderboard.play.runner import MAX_START_FAILURES, StartFailuresError, run_panel
from leaderboard.scoring.scores import score_run


def run(
    agent: str,
    panel: str,
    out: Path | None = None,
    name: str | None = None,
    episodes: int | None = None,
    workers: int = 1,
    turn_seconds: float | None = None,
    seed: int = 0,
    retry_failed: bool = False,
    max_start_failures: int = MAX_START_FAILURES,
) -> int:
    """Play a panel with an agent; the same command goes on with an interrupted run.

    Args:
        agent: The agent, as module:attribute or path.py:attribute.
        panel: Name of a panel (see `leaderboard panels`), or the path of a panel's file.
        out: Folder of the run; runs/PANEL/NAME by default.
        name: Name of the agent in tables; the attribute by default.
        episodes: Play the first tasks only.
        workers: Number of processes that play; 0 plays without a process of its own, for debugging.
        turn_seconds: Time limit of a turn; a slower reply fails the episode.
        seed: Added to every task's seed, for repetitions of an agent that draws at random.
        retry_failed: Play episodes again that failed around the agent (its endpoint, the network).
        max_start_failures: Stop after this many episodes in a row that failed alike around the agent at their start.
    """
    check_positive(episodes=episodes, turn_seconds=turn_seconds, max_start_failures=max_start_failures)
    if workers < 0:
        raise RunError(f"--workers must be 0 or more, got {workers}")
    name = split_name(agent)[1] if name is None else name
    check_name(name)
    frozen = load_panel(panel)
    folder = out or Path("runs") / frozen.name / name
    stopped: StartFailuresError | None = None
    with show_progress(Console(stderr=True), f"{name} on {frozen.name}") as on_progress:
        try:
            played = run_panel(
                agent,
                frozen,
                folder,
                name=name,
                num_episodes=episodes,
                num_workers=workers,
                turn_seconds=turn_seconds,
                seed=seed,
                retry_failed=retry_failed,
                max_start_failures=max_start_failures,
                on_progress=on_progress,
            )
        except StartFailuresError as error:
            stopped = error
            played = load_run(folder)
    return _tell_outcome(played, stopped)


def _tell_outcome(played: Run, stopped: StartFailuresError | None) -> int:
    show(render_table([score_run(played)]))
    say(f"episodes in {played.folder}")
    _say_what_broke_off(played)
    if stopped is not None:
        complain(f"stopped, for {stopped}")
    if played.failed_around:
        complain(
            f"{count(played.failed_around, 'episode')} failed around the agent and will not count; once that is mended,"
            " the same command with --retry-failed plays them again"
        )
    return FAILED if played.failed_around else OK


def _say_what_broke_off(run: Run) -> None:
    """Say with what the first failed episode broke off, and how to see all of it."""
    errors = [(position, episode.error) for position, episode in enumerate(run.recorded) if episode.error is not None]
    if errors:
        position, error = errors[0]
        which = f"the first of {len(errors)} episodes" if len(errors) > 1 else "the one episode"
        say(f"{which} that broke off: {error.partition(chr(10))[0]}")
        say(f"see it with: leaderboard show {shlex.quote(str(run.folder))} {position}")


def check(agent: tyro.conf.Positional[str], worlds: tuple[str, ...] = WORLDS, turn_seconds: float | None = None) -> int:
    """Try an agent on a few turns of each world and say what does not conform.

    Args:
        agent: The agent, as module:attribute or path.py:attribute.
        worlds: Gymnasium ids of the worlds to try.
        turn_seconds: Time limit of a turn.
    """
    check_positive(turn_seconds=turn_seconds)
    findings = list(check_in_process(CheckSetup(agent, worlds, turn_seconds)))
    show(render_findings(findings))
    return FAILED if any(finding.verdict == "fail" for finding in findings) else OK


def check_positive(**values: float | None) -> None:
    """Make sure that options are numbers above 0.

    Raises:
        RunError: One is not.
    """
    for name, value in values.items():
        if value is not None and not 0 < value < float("inf"):
            raise RunError(f"--{name.replace('_', '-')} must be positive, got {value}")
