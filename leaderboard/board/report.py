"""One self-contained HTML page about any number of runs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hiper_envs.episodes.statistics import describe_intervals
from hiper_envs.viewer import Source, render_page
from leaderboard.board.tables import describe_comparisons, format_value
from leaderboard.panels.panel import Panel
from leaderboard.play.run import Run
from leaderboard.scoring.compare import Comparison, compare_to_best
from leaderboard.scoring.metrics import HEADLINE_KEYS, METRICS_BY_KEY
from leaderboard.scoring.scores import Scores, score_run

TEMPLATE_FOLDER = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class PanelSection:
    """What the page says about one panel: its runs ranked, the differences of each to the best one, and notes.

    `ranks` counts from 1; runs with the same success and score share one.
    """

    panel: Panel
    scores: Sequence[Scores]
    comparisons: Sequence[Comparison]
    kinds: Sequence[str]
    notes: Sequence[str] = ()

    @property
    def ranks(self) -> list[int]:
        """The rank of each run."""
        heights = [(row.metrics["success"].value, row.metrics["score"].value) for row in self.scores]
        return [1 + sum(other > height for other in heights) for height in heights]


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
    return render_page(
        "report.html",
        [_make_source(run) for run in ranked],
        folder=TEMPLATE_FOLDER,
        css=(TEMPLATE_FOLDER / "report.css").read_text(encoding="utf-8"),
        filters={
            "metric": lambda value, key: format_value(METRICS_BY_KEY[key], value),
            "intervals": describe_intervals,
            "comparisons": describe_comparisons,
        },
        sections=[_section(group) for group in group_by_panel(ranked)],
        metrics=METRICS_BY_KEY,
        headline=[METRICS_BY_KEY[key] for key in HEADLINE_KEYS],
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


def group_by_panel(runs: Iterable[Run]) -> Iterable[list[Run]]:
    """Return the runs of each panel, in the order given."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.panel.digest, []).append(run)
    return groups.values()


def _section(runs: Sequence[Run]) -> PanelSection:
    scores = [score_run(run) for run in runs]
    kinds = sorted({kind for row in scores for kind in row.by_type})
    return PanelSection(runs[0].panel, scores, compare_to_best(runs), kinds, note_failures(runs))


def note_failures(runs: Iterable[Run]) -> list[str]:
    """Return a sentence for each run with episodes that failed around its agent."""
    return [
        f"{run.header.name}: {len(run.failed_around)} of {len(run.recorded)} episodes failed around the agent (its"
        " endpoint, the network) and do not count"
        for run in runs
        if run.failed_around
    ]


def _make_source(run: Run) -> Source:
    return Source(run.header.name, run.panel.name, run.episodes, run.header.seed, str(run.folder))
