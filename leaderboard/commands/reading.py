"""`leaderboard score`, `report`, `show` and `verify`: reading runs, whoever played them."""

from importlib import import_module
from pathlib import Path

import tyro

from hiper_envs.plain_text import describe_error
from leaderboard.board.report import group_by_panel, note_failures, rank_runs, write_report
from leaderboard.board.tables import render_comparisons, render_episode, render_table, render_types
from leaderboard.commands.screen import FAILED, OK, complain, say, show
from leaderboard.panels.fingerprint import PanelError
from leaderboard.play.run import Run, find_runs, load_run
from leaderboard.play.run_header import RunError
from leaderboard.scoring.compare import compare_to_best
from leaderboard.scoring.scores import score_run
from leaderboard.scoring.verification import verify_run
from webshop_server.allowed_names import check_choice
from webshop_server.command_line import BAD_INPUT

MAX_DIFFERENCES_SHOWN = 20
RunFolders = tyro.conf.Positional[tuple[Path, ...]]


def score(runs: RunFolders, types: bool = True) -> int:
    """Show the scores of runs with 95 % intervals, and the paired differences to the best run of each panel.

    Args:
        runs: Folders of runs, or folders that hold some.
        types: Show success by type of task.
    """
    loaded = rank_runs(_load_runs(runs))
    scores = [score_run(run) for run in loaded]
    show(render_table(scores))
    for note in note_failures(loaded):
        say(note)
    if types:
        show(render_types(scores))
    pairs = [pair for group in group_by_panel(loaded) for pair in compare_to_best(group)]
    if pairs:
        show(render_comparisons(pairs))
    return OK


def report(runs: RunFolders, out: Path = Path("report.html")) -> int:
    """Write one self-contained HTML page about runs.

    Args:
        runs: Folders of runs, or folders that hold some.
        out: The page to write.
    """
    path = write_report(_load_runs(runs), out)
    say(f"report in {path} ({path.stat().st_size / 1024:.0f} KiB)")
    return OK


def show_episode(run: tyro.conf.Positional[Path], episode: tyro.conf.Positional[str] = "0") -> int:
    """Show one episode of a run turn by turn, with its segments.

    Args:
        run: Folder of the run.
        episode: Position of the episode in the run, from 0, or the id of its task.
    """
    episodes = load_run(run).recorded
    if not episodes:
        raise RunError(f"there is no episode in {str(run)!r} yet")
    if episode.lstrip("-").isdecimal():
        position = int(episode)
        if not 0 <= position < len(episodes):
            raise RunError(f"there is no episode {episode} in {str(run)!r}: it has {len(episodes)}, counted from 0")
    else:
        tasks = [each.task_id for each in episodes]
        try:
            position = tasks.index(check_choice(episode, tasks, f"task of the run {str(run)!r}"))
        except ValueError as error:
            raise RunError(str(error)) from error
    show(render_episode(episodes[position]))
    return OK


def verify(runs: RunFolders, imports: tuple[str, ...] = ()) -> int:
    """Replay every episode of runs and compare texts, rewards, segments and score.

    Args:
        runs: Folders of runs, or folders that hold some.
        imports: Modules to import before, which register worlds of your own; a run cannot import any by itself.
    """
    for name in imports:
        try:
            import_module(name)
        except Exception as error:
            raise RunError(f"importing {name!r} failed: {describe_error(error)}") from error
    loaded = _load_runs(runs)
    outcomes = [_verify_run(run, is_named=len(loaded) > 1) for run in loaded]
    return max(outcomes)


def _verify_run(run: Run, is_named: bool) -> int:
    try:
        differences = verify_run(run)
    except PanelError as error:
        if not is_named:
            raise
        complain(f"{run.folder} cannot be replayed: {error}")
        return BAD_INPUT
    for difference in differences[:MAX_DIFFERENCES_SHOWN]:
        say(str(difference))
    if len(differences) > MAX_DIFFERENCES_SHOWN:
        say(f"... and {len(differences) - MAX_DIFFERENCES_SHOWN} more")
    num_turns = sum(episode.num_turns for episode in run.recorded)
    verdict = f"{len(differences)} differences" if differences else "all as recorded"
    name = f"{run.folder}: " if is_named else ""
    say(f"{name}{len(run.recorded)} episodes, {num_turns} turns replayed: {verdict}")
    if run.header.num_tasks is not None:
        say(f"{name}this is no whole run: {run.header.num_tasks} of {len(run.panel.tasks)} tasks were asked for")
    return FAILED if differences else OK


def _load_runs(folders: tuple[Path, ...]) -> list[Run]:
    if not folders:
        raise RunError("give at least one folder of a run")
    found = {folder: find_runs(folder) for folder in folders}
    empty = ", ".join(str(folder) for folder, runs in found.items() if not runs)
    if not any(found.values()):
        raise RunError(f"there is no run in {empty}: give folders that leaderboard run wrote, or that hold some")
    if empty:
        complain(f"passed over, for there is no run in it: {empty}")
    return [load_run(folder) for folder in dict.fromkeys(run for runs in found.values() for run in runs)]
