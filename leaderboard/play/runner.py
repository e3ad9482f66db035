"""Playing a panel with an agent into a run folder."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from hiper_envs import Episode
from hiper_envs.episodes.agents import split_name
from leaderboard.panels.fingerprint import PanelTask
from leaderboard.panels.panel import Panel, load_panel
from leaderboard.play.player import Player
from leaderboard.play.protocol import Setup
from leaderboard.play.run_folder import Run, RunHeader, installed_versions, load_run, open_run
from leaderboard.play.submission import agent_digest
from leaderboard.play.worker import play_in_processes


class Progress(NamedTuple):
    """How far a run is: after an episode, or with `episode` None when it starts or goes on."""

    num_done: int
    num_tasks: int
    episode: Episode | None


def run_panel(
    agent: str,
    panel: Panel | str,
    folder: str | Path,
    *,
    name: str | None = None,
    num_episodes: int | None = None,
    num_workers: int = 1,
    turn_seconds: float | None = None,
    seed: int = 0,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Run:
    """Play a panel, or go on where an earlier call stopped.

    Args:
        agent: The submission, "module:attribute" or "path.py:attribute".
        panel: A panel, its name, or the path of its file.
        folder: Where to keep the run; made if missing.
        name: Name of the agent in tables; the attribute by default.
        num_episodes: Play the first tasks only; all by default. A later call may ask for more.
        num_workers: Processes that play. 0 plays in this process, where an agent that kills its process or never
            returns takes the run with it.
        turn_seconds: Time limit of each turn, None for none.
        seed: Added to the seed of every task, for repetitions of an agent that draws at random.
        on_progress: Called at the start and after every episode.

    Returns:
        The run with all episodes so far, in the order of the panel.

    Raises:
        PanelError: The panel or its world cannot be loaded.
        AgentError: The agent cannot be loaded or made.
        RunError: The folder belongs to another run, or another process writes to it.
        WorldError: The environment failed; the episodes before are kept.
    """
    panel = panel if isinstance(panel, Panel) else load_panel(panel)
    folder = Path(folder)
    setup = Setup(panel, agent, name or split_name(agent)[1], turn_seconds)
    header = RunHeader(
        name=setup.agent_name,
        agent=agent,
        agent_digest=agent_digest(agent),
        panel=panel.name,
        panel_digest=panel.digest,
        seed=seed,
        turn_seconds=turn_seconds,
        versions=installed_versions(),
    )
    with open_run(folder, header, panel) as run_folder:
        played = frozenset(run_folder.played)
        wanted = range(len(panel.tasks[:num_episodes]))
        tasks = [panel.tasks[position] for position in wanted if position not in played]
        num_done = len(wanted) - len(tasks)
        on_progress(Progress(num_done, len(wanted), None))
        with closing(_play(setup, tasks, seed, num_workers, folder)) as episodes:
            for episode in episodes:
                run_folder.append(episode)
                num_done += 1
                on_progress(Progress(num_done, len(wanted), episode))
        run_folder.sort()
    return load_run(folder)


def _play(
    setup: Setup, tasks: Sequence[PanelTask], seed: int, num_workers: int, folder: Path
) -> Generator[Episode, None, None]:
    if not tasks:
        return
    if num_workers:
        num_workers = min(num_workers, len(tasks))
        log_path = folder / "agent.log"
        yield from play_in_processes(setup, tasks, seed=seed, num_workers=num_workers, log_path=log_path)
        return
    player = Player(setup.panel, setup.agent, agent_name=setup.agent_name, turn_seconds=setup.turn_seconds)
    for task in tasks:
        yield player.play(task, task.seed + seed)
