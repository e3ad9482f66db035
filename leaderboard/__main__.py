"""The `leaderboard` command.

Exit codes: 0 when all is well, 1 when a check failed or a replay differs, 2 for input that will not do (one sentence on
standard error), 130 when interrupted.
"""

import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import tyro
from rich.console import Console
from rich.text import Text

from hiper_envs.episodes.agents import AgentError, split_name
from hiper_envs.registration import ALFWORLD_MAX_TURNS
from hiper_envs.webshop.catalogues import REAL_DATA
from leaderboard.board.report import rank_runs, write_report
from leaderboard.board.tables import (
    render_comparisons,
    render_episode,
    render_findings,
    render_panels,
    render_table,
    render_types,
)
from leaderboard.panels.fingerprint import PanelError
from leaderboard.panels.freezing import RECIPES, freeze_panel, freeze_recipe, lacks_data
from leaderboard.panels.panel import PANEL_FOLDER, Panel, load_panel, panel_names, write_panel
from leaderboard.play.check_process import CheckSetup, check_in_process
from leaderboard.play.conformance import WORLDS
from leaderboard.play.player import WorldError
from leaderboard.play.progress import show_progress
from leaderboard.play.run_folder import Run, RunError, find_runs, load_run
from leaderboard.play.runner import run_panel
from leaderboard.scoring.scores import compare_runs, score_run
from leaderboard.scoring.verification import verify_run

OK, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
MAX_DIFFERENCES_SHOWN = 20

console = Console()
RunFolders = tyro.conf.Positional[tuple[Path, ...]]


def run(
    agent: str,
    panel: str,
    out: Path | None = None,
    name: str | None = None,
    episodes: int | None = None,
    workers: int = 1,
    turn_seconds: float | None = None,
    seed: int = 0,
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
    """
    _check_positive(episodes=episodes, turn_seconds=turn_seconds)
    if workers < 0:
        raise RunError(f"--workers must be 0 or more, got {workers}")
    frozen = load_panel(panel)
    name = name or split_name(agent)[1]
    folder = out or Path("runs") / frozen.name / name
    with show_progress(Console(stderr=True), f"{name} on {frozen.name}") as on_progress:
        played = run_panel(
            agent,
            frozen,
            folder,
            name=name,
            num_episodes=episodes,
            num_workers=workers,
            turn_seconds=turn_seconds,
            seed=seed,
            on_progress=on_progress,
        )
    console.print(render_table([score_run(played)]))
    _say(f"episodes in {folder}")
    _say_what_broke_off(played)
    return OK


def _say_what_broke_off(run: Run) -> None:
    """Say with what the first failed episode broke off, and how to see all of it."""
    errors = [(position, episode.error) for position, episode in enumerate(run.episodes) if episode.error is not None]
    if errors:
        position, error = errors[0]
        which = f"the first of {len(errors)} episodes" if len(errors) > 1 else "the one episode"
        _say(f"{which} that broke off: {error.partition(chr(10))[0]}")
        _say(f"see it with: leaderboard show {shlex.quote(str(run.folder))} {position}")


def _say(text: str) -> None:
    console.print(Text(text), soft_wrap=True)


def score(runs: RunFolders, types: bool = True) -> int:
    """Show the scores of runs with 95 % intervals, and the paired differences to the best run of each panel.

    Args:
        runs: Folders of runs, or folders that hold some.
        types: Show success by type of task.
    """
    loaded = rank_runs(_load_runs(runs))
    scores = [score_run(run) for run in loaded]
    console.print(render_table(scores))
    if types:
        console.print(render_types(scores))
    best: dict[str, Run] = {}
    for played in loaded:
        best.setdefault(played.panel.digest, played)
    pairs = [compare_runs(best[other.panel.digest], other) for other in loaded if other is not best[other.panel.digest]]
    if pairs:
        console.print(render_comparisons(pairs))
    return OK


def report(runs: RunFolders, out: Path = Path("report.html")) -> int:
    """Write one self-contained HTML page about runs.

    Args:
        runs: Folders of runs, or folders that hold some.
        out: The page to write.
    """
    path = write_report(_load_runs(runs), out)
    console.print(f"report in {path} ({path.stat().st_size / 1024:.0f} KiB)", highlight=False, soft_wrap=True)
    return OK


def show(run: tyro.conf.Positional[Path], episode: tyro.conf.Positional[int] = 0) -> int:
    """Show one episode of a run turn by turn, with its segments.

    Args:
        run: Folder of the run.
        episode: Position of the episode in the run, from 0.
    """
    episodes = load_run(run).episodes
    if not 0 <= episode < len(episodes):
        raise RunError(f"there is no episode {episode} in {str(run)!r}: it has {len(episodes)}, counted from 0")
    console.print(render_episode(episodes[episode]))
    return OK


def verify(runs: RunFolders) -> int:
    """Replay every episode of runs and compare texts, rewards, segments and score.

    Args:
        runs: Folders of runs, or folders that hold some.
    """
    loaded = _load_runs(runs)
    outcomes = [_verify_run(run, is_named=len(loaded) > 1) for run in loaded]
    return FAILED if FAILED in outcomes else OK


def _verify_run(run: Run, is_named: bool) -> int:
    differences = verify_run(run)
    for difference in differences[:MAX_DIFFERENCES_SHOWN]:
        console.print(str(difference), markup=False, highlight=False, soft_wrap=True)
    if len(differences) > MAX_DIFFERENCES_SHOWN:
        console.print(f"... and {len(differences) - MAX_DIFFERENCES_SHOWN} more")
    num_turns = sum(episode.num_turns for episode in run.episodes)
    verdict = f"{len(differences)} differences" if differences else "all as recorded"
    name = f"{run.folder}: " if is_named else ""
    said = f"{name}{len(run.episodes)} episodes, {num_turns} turns replayed: {verdict}"
    console.print(said, markup=False, highlight=False, soft_wrap=True)
    return FAILED if differences else OK


def check(agent: tyro.conf.Positional[str], worlds: tuple[str, ...] = WORLDS, turn_seconds: float | None = None) -> int:
    """Try an agent on a few turns of each world and say what does not conform.

    Args:
        agent: The agent, as module:attribute or path.py:attribute.
        worlds: Gymnasium ids of the worlds to try.
        turn_seconds: Time limit of a turn.
    """
    _check_positive(turn_seconds=turn_seconds)
    findings = list(check_in_process(CheckSetup(agent, worlds, turn_seconds)))
    console.print(render_findings(findings), highlight=False)
    return FAILED if any(finding.verdict == "fail" for finding in findings) else OK


def panels() -> int:
    """List the panels that come with the package."""
    console.print(render_panels([load_panel(name) for name in panel_names()]), highlight=False)
    return OK


def freeze(
    name: tyro.conf.Positional[str],
    out: Path | None = None,
    env_id: str | None = None,
    options: str = "{}",
    tasks: int | None = None,
    max_per_group: int | None = None,
    max_turns: int = ALFWORLD_MAX_TURNS,
    seed: int = 0,
    description: str = "",
) -> int:
    """Freeze a new panel; the same arguments always give the same file.

    Args:
        name: The panel's name with a version, such as kitchen-only-v1; a shipped panel's name makes that one again.
        out: The file to write; NAME.json by default.
        env_id: Gymnasium id of the world; not needed for a shipped panel.
        options: Options for gym.make, as JSON.
        tasks: How many tasks to draw, as evenly over the types as they allow; all by default.
        max_per_group: Draw at most so many of WebShop's goals of one product; no limit by default.
        max_turns: Turns after which an episode is truncated.
        seed: Decides which tasks are drawn.
        description: One sentence on what the panel measures.
    """
    _check_positive(tasks=tasks, max_per_group=max_per_group, max_turns=max_turns)
    panel = _freeze(
        name,
        env_id,
        options,
        num_tasks=tasks,
        max_per_group=max_per_group,
        max_turns=max_turns,
        seed=seed,
        description=description,
    )
    path = out or Path(f"{name}.json")
    write_panel(panel, path)
    console.print(
        f"{len(panel.tasks)} tasks frozen in {path}, digest {panel.digest[:12]}", highlight=False, soft_wrap=True
    )
    return OK


def refreeze() -> int:
    """Freeze all shipped panels again where they lie, for those who change a world and the panels' versions."""
    for name in RECIPES:
        if lacks_data(name):
            _say(f"{name} stays as it is: it can be frozen again where ${REAL_DATA} is set")
        else:
            write_panel(freeze_recipe(name), PANEL_FOLDER / f"{name}.json")
    return panels()


def _freeze(name: str, env_id: str | None, options: str, **arguments: Any) -> Panel:
    if env_id is None:
        if name not in RECIPES:
            raise PanelError(
                f"{name!r} is no shipped panel ({', '.join(RECIPES)}): say with --env-id which world it is of"
            )
        return freeze_recipe(name)
    try:
        env_options = msgspec.json.decode(options, type=dict)
    except msgspec.DecodeError as error:
        raise PanelError(f'--options must be a JSON object such as \'{{"split": "train"}}\': {error}') from error
    return freeze_panel(name, env_id, env_options=env_options, **arguments)


def _load_runs(folders: tuple[Path, ...]) -> list[Run]:
    if not folders:
        raise RunError("give at least one folder of a run")
    found = {folder: find_runs(folder) for folder in folders}
    empty = ", ".join(str(folder) for folder, runs in found.items() if not runs)
    if not any(found.values()):
        raise RunError(f"there is no run in {empty}: give folders that leaderboard run wrote, or that hold some")
    if empty:
        Console(stderr=True).print(
            Text(f"leaderboard: passed over, for there is no run in it: {empty}"), soft_wrap=True
        )
    return [load_run(folder) for folder in dict.fromkeys(run for runs in found.values() for run in runs)]


def _check_positive(**values: float | None) -> None:
    for name, value in values.items():
        if value is not None and value <= 0:
            raise RunError(f"--{name.replace('_', '-')} must be positive, got {value}")


COMMANDS: dict[str, Callable[..., int]] = {
    "run": run,
    "score": score,
    "report": report,
    "show": show,
    "verify": verify,
    "check": check,
    "panels": panels,
    "freeze": freeze,
    "refreeze": refreeze,
}


def main() -> None:
    """Run the command line."""
    sys.path.insert(0, os.getcwd())
    try:
        code = tyro.extras.subcommand_cli_from_dict(COMMANDS, prog="leaderboard", description=_DESCRIPTION)
    except (PanelError, RunError, AgentError, WorldError, OSError) as error:
        Console(stderr=True).print(Text(f"leaderboard: {error}"), soft_wrap=True)
        code = BAD_INPUT
    except KeyboardInterrupt:
        Console(stderr=True).print("leaderboard: interrupted; the same command goes on from here")
        code = INTERRUPTED
    sys.exit(code)


_DESCRIPTION = "Play panels of tasks with any agent, and score, report and verify what was played."

if __name__ == "__main__":
    main()
