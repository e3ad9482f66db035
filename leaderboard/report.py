"""One self-contained HTML page about any number of runs."""

import base64
import gzip
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import msgspec

from hiper_envs import Episode, Step
from leaderboard.panel import Panel
from leaderboard.scoring import HEADLINE_KEYS, METRICS, METRICS_BY_KEY, Comparison, Scores, compare_runs, score_run
from leaderboard.scoring import is_ill_formed as is_step_ill_formed
from leaderboard.store import Run
from leaderboard.tables import format_value
from hiper_envs.task_types import task_type

TEMPLATE_FOLDER = Path(__file__).parent / "templates"
EPISODES_PER_CHUNK = 32
"""Episodes are packed together in chunks, each unpacked when one of its episodes is opened."""


@dataclass(frozen=True)
class PanelSection:
    """What the page says about one panel: its runs ranked, and the differences of each to the best one."""

    panel: Panel
    scores: Sequence[Scores]
    comparisons: Sequence[Comparison]
    kinds: Sequence[str]


def write_report(runs: Sequence[Run], path: str | Path) -> Path:
    """Write the page.

    Args:
        runs: Runs of any panels, in any order.
        path: The file to write.

    Returns:
        The file's path.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_report(runs), encoding="utf-8")
    return path


def render_report(runs: Sequence[Run]) -> str:
    """Return the page as HTML that needs nothing else."""
    ranked = rank_runs(runs)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATE_FOLDER),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["metric"] = lambda value, key: format_value(METRICS_BY_KEY[key], value)
    return environment.get_template("report.html").render(
        sections=[_section(group) for group in _by_panel(ranked)],
        metrics=METRICS_BY_KEY,
        headline=[METRICS_BY_KEY[key] for key in HEADLINE_KEYS],
        all_metrics=METRICS,
        data=_script_json({"runs": [_run_data(run) for run in ranked]}),
        css=(TEMPLATE_FOLDER / "report.css").read_text(encoding="utf-8"),
        js=(TEMPLATE_FOLDER / "report.js").read_text(encoding="utf-8"),
    )


def rank_runs(runs: Sequence[Run]) -> list[Run]:
    """Return the runs panel by panel, each panel's best first."""
    panels = list(dict.fromkeys(run.panel.digest for run in runs))

    def rank(run: Run) -> tuple[Any, ...]:
        episodes = run.episodes
        return (
            panels.index(run.panel.digest),
            -sum(episode.success for episode in episodes) / max(1, len(episodes)),
            -sum(episode.score for episode in episodes) / max(1, len(episodes)),
            run.header.name,
        )

    return sorted(runs, key=rank)


def _by_panel(runs: Iterable[Run]) -> Iterable[list[Run]]:
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.panel.digest, []).append(run)
    return groups.values()


def _section(runs: Sequence[Run]) -> PanelSection:
    scores = [score_run(run) for run in runs]
    comparisons = [compare_runs(runs[0], run) for run in runs[1:]]
    return PanelSection(runs[0].panel, scores, comparisons, sorted({kind for row in scores for kind in row.by_type}))


def _run_data(run: Run) -> dict[str, Any]:
    """Return what the page's script needs of a run: a line for each episode, and the episodes packed."""
    starts = range(0, len(run.episodes), EPISODES_PER_CHUNK)
    return {
        "name": run.header.name,
        "panel": run.panel.name,
        "agent": run.header.agent,
        "seed": run.header.seed,
        "versions": run.header.versions,
        "episodes": [_episode_line(episode, run.header.seed) for episode in run.episodes],
        "chunks": [_pack(run.episodes[start : start + EPISODES_PER_CHUNK]) for start in starts],
        "chunkSize": EPISODES_PER_CHUNK,
    }


def _episode_line(episode: Episode, run_seed: int) -> dict[str, Any]:
    outcome = "crash" if episode.error is not None else "success" if episode.success else "failure"
    return {
        "task": episode.task_id,
        "key": f"{episode.task_id} {episode.seed - run_seed}",
        "type": task_type(episode.task_id),
        "instruction": episode.instruction,
        "outcome": outcome,
        "score": round(100 * episode.score, 1),
        "turns": episode.num_turns,
        "segments": [segment.num_turns for segment in episode.segments],
    }


def _pack(episodes: Sequence[Episode]) -> str:
    """Return episodes as base64 of gzip of JSON, the same bytes for the same episodes."""
    content = msgspec.json.encode([_episode_detail(episode) for episode in episodes])
    return base64.b64encode(gzip.compress(content, mtime=0)).decode()


def _episode_detail(episode: Episode) -> dict[str, Any]:
    return {
        "reset": episode.reset_observation,
        "error": episode.error,
        "segments": [msgspec.to_builtins(segment) for segment in episode.segments],
        "steps": [_step_detail(step) for step in episode.steps],
    }


def _step_detail(step: Step) -> dict[str, Any]:
    return {
        "action": step.action,
        "observation": step.observation,
        "reward": step.reward,
        "reply": step.reply,
        "problems": list(step.problems) if is_step_ill_formed(step) else [],
    }


def _script_json(data: Mapping[str, Any]) -> str:
    """Return JSON that is safe inside a script element."""
    return msgspec.json.encode(data).decode().replace("<", "\\u003c")
