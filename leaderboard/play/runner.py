"""Playing a panel with an agent into a run folder."""

import math
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from hiper_envs import Episode
from hiper_envs.episodes.agent_facts import Card
from hiper_envs.episodes.agents import AgentError, split_name
from leaderboard.panels.fingerprint import PanelTask
from leaderboard.panels.panel import MAX_SEED, Panel, check_panel, load_panel
from leaderboard.play.player import Player
from leaderboard.play.posix import require_posix
from leaderboard.play.protocol import Setup
from leaderboard.play.run import Run, load_run
from leaderboard.play.run_folder import LOG_FILE, RunFolder, open_run
from leaderboard.play.run_header import RunError, RunHeader, check_name, installed_versions
from leaderboard.play.submission import agent_digest
from leaderboard.play.worker import play_in_processes

MAX_START_FAILURES = 3


class StartFailuresError(RuntimeError):
    """Episodes in a row failed alike around the agent before its first turn: the rest would too."""


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
    retry_failed: bool = False,
    max_start_failures: int = MAX_START_FAILURES,
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
        retry_failed: Whether episodes that failed around the agent are played again; the old ones are kept in
            `failed.jsonl`.
        max_start_failures: The run stops after this many episodes in a row that failed alike around the agent before
            its first turn.
        on_progress: Called at the start and after every episode.

    Returns:
        The run with all episodes so far, in the order of the panel.

    Raises:
        PanelError: The panel or its world cannot be loaded, or is not what it says.
        AgentError: The agent cannot be loaded or made.
        RunError: The folder belongs to another run, another process writes to it, or an argument will not do.
        WorldError: The environment failed; the episodes before are kept.
        StartFailuresError: The run stopped early; the episodes before are kept.
        SystemLacksError: The system is none of POSIX.
    """
    require_posix()
    panel = panel if isinstance(panel, Panel) else load_panel(panel)
    check_panel(panel)
    folder = Path(folder)
    name = split_name(agent)[1] if name is None else name
    _check_given(agent, name, panel, seed, num_episodes, turn_seconds)
    setup = Setup(panel, agent, name, turn_seconds)
    header = RunHeader(
        name=setup.agent_name,
        agent=agent,
        agent_digest=agent_digest(agent),
        panel=panel.name,
        panel_digest=panel.digest,
        seed=seed,
        turn_seconds=turn_seconds,
        versions=installed_versions(),
        num_tasks=None if num_episodes is None or num_episodes >= len(panel.tasks) else num_episodes,
    )
    failures = _StartFailures(max_start_failures)
    with open_run(folder, header, panel) as run_folder:
        if retry_failed:
            run_folder.take_out_failed()
        played = frozenset(run_folder.played)
        wanted = range(len(panel.tasks[:num_episodes]))
        tasks = [panel.tasks[position] for position in wanted if position not in played]
        num_done = len(wanted) - len(tasks)
        on_progress(Progress(num_done, len(wanted), None))
        with closing(_play(setup, tasks, seed, num_workers, run_folder)) as episodes:
            for episode in failures.watch(episodes):
                run_folder.append(episode)
                num_done += 1
                on_progress(Progress(num_done, len(wanted), episode))
        run_folder.sort()
    if failures.are_too_many:
        raise StartFailuresError(f"{failures}; {len(wanted) - num_done} of {len(wanted)} tasks were not played")
    return load_run(folder)


def _check_given(
    agent: str, name: str, panel: Panel, seed: int, num_episodes: int | None, turn_seconds: float | None
) -> None:
    try:
        agent.encode()
    except UnicodeEncodeError:
        raise AgentError(f"the agent {agent!a} cannot be written down: give it a name that UTF-8 can hold") from None
    check_name(name)
    if num_episodes is not None and num_episodes < 1:
        raise RunError(f"the number of episodes must be 1 or more, or None for all, got {num_episodes}")
    if turn_seconds is not None and not 0 < turn_seconds < math.inf:
        raise RunError(f"the time limit of a turn must be a number of seconds above 0, or None, got {turn_seconds}")
    highest = max(row.seed for row in panel.tasks)
    if not 0 <= seed <= MAX_SEED - highest:
        raise RunError(f"the seed must be from 0 to {MAX_SEED - highest}, got {seed}")


class _StartFailures:
    """Counts episodes in a row that failed alike around the agent before its first turn."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._count = 0
        self._error = ""

    @property
    def are_too_many(self) -> bool:
        """Whether a run has to stop."""
        return self._count >= self._limit

    def watch(self, episodes: Iterable[Episode]) -> Iterator[Episode]:
        """Pass episodes on, the last one that is too many included, and no further."""
        for episode in episodes:
            self._take(episode)
            yield episode
            if self.are_too_many:
                return

    def _take(self, episode: Episode) -> None:
        if episode.error is None or not episode.failed_around or episode.turns:
            self._count = 0
            return
        error = episode.error.partition("\n")[0]
        self._count = self._count + 1 if _without_numbers(error) == _without_numbers(self._error) else 1
        self._error = error

    def __str__(self) -> str:
        return f"{self._count} episodes in a row failed around the agent at their start: {self._error}"


def _without_numbers(error: str) -> str:
    """Return an error without the words that hold digits: ids and times of a request differ in each."""
    return re.sub(r"\S*\d\S*", "", error)


def _play(
    setup: Setup, tasks: Sequence[PanelTask], seed: int, num_workers: int, run_folder: RunFolder
) -> Generator[Episode, None, None]:
    if not tasks:
        return
    take_card: Callable[[Card], None] = run_folder.take_card
    if num_workers:
        num_workers = min(num_workers, len(tasks))
        log_path = run_folder.folder / LOG_FILE
        yield from play_in_processes(
            setup, tasks, seed=seed, num_workers=num_workers, log_path=log_path, on_card=take_card
        )
        return
    player = Player(setup.panel, setup.agent, agent_name=setup.agent_name, turn_seconds=setup.turn_seconds)
    take_card(player.card)
    for task in tasks:
        yield player.play(task, task.seed + seed)
