"""Records made by hand, for tests of what is read off them."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from hiper_envs import Episode, Segment, Turn, write_reply
from leaderboard.panels.fingerprint import PanelTask
from leaderboard.panels.panel import Panel, seal_panel
from leaderboard.play.run_folder import EpisodeTime, Run, RunHeader


def make_episode(
    task: str,
    *,
    score: float,
    lengths: tuple[int, ...] = (2,),
    seed: int = 0,
    problems: int = 0,
    error: str | None = None,
    observation: str = "You work.",
) -> Episode:
    """Make an episode with segments of the given lengths, the first `problems` replies of which are ill-formed."""
    turns: list[Turn] = []
    segments: list[Segment] = []
    for index, length in enumerate(lengths):
        segments.append(Segment(len(turns), len(turns) + length, f"part {index}", 0.0, "switch"))
        for offset in range(length):
            number = len(turns)
            reply = write_reply("work", f"part {index}", offset == 0)
            faults = ("no complete <switch>...</switch>",) if number < problems else ()
            turns.append(Turn(number, reply, "work", observation, 0.0, index, offset == 0, faults))
    return Episode(
        env_id="toy_world:Toy-v0",
        env_options={},
        task_id=task,
        seed=seed,
        agent="Hand",
        instruction=f"do {task}",
        reset_observation="There is work to do.",
        turns=turns,
        segments=segments,
        score=score,
        success=score == 1 and error is None,
        terminated=score == 1,
        truncated=score < 1 and error is None,
        error=error,
    )


def make_run(
    name: str,
    episodes: list[Episode],
    *,
    num_tasks: int | None = None,
    seed: int = 0,
    clusters: Sequence[str] | None = None,
) -> Run:
    """Make a run of the panel of the episodes' tasks, with further tasks up to `num_tasks`, clustered by product."""
    tasks = [PanelTask(episode.task_id, episode.seed - seed) for episode in episodes]
    tasks += [PanelTask(f"unplayed-{number}", 0) for number in range((num_tasks or 0) - len(tasks))]
    panel = Panel("hand-v1", "By hand.", "toy_world:Toy-v0", {}, 8, "", tuple(tasks))
    if clusters is not None:
        panel = msgspec.structs.replace(panel, cluster_key="product", clusters=tuple(clusters))
    panel = seal_panel(panel)
    header = RunHeader(name, f"hand:{name}", "", panel.name, panel.digest, seed, None, {})
    times = {
        (episode.task_id, episode.seed): EpisodeTime(episode.task_id, episode.seed, 1.0, [0.5] * episode.num_turns)
        for episode in episodes
    }
    return Run(Path("hand"), header, panel, episodes, times)
