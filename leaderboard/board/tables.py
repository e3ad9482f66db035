"""Scores and episodes for the terminal."""

from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.segment import Segment as TerminalSegment
from rich.table import Table
from rich.text import Text

from hiper_envs import Episode, Segment, Turn
from hiper_envs.episodes.statistics import Interval, describe_intervals
from leaderboard.board.columns import NumberTable
from leaderboard.panels.panel import Panel
from leaderboard.play.conformance import Finding
from leaderboard.scoring.compare import Comparison
from leaderboard.scoring.metrics import HEADLINE_KEYS, METRICS_BY_KEY, Metric
from leaderboard.scoring.scores import Scores

BAND_STYLES = ("cyan", "magenta", "yellow", "green", "blue", "red")
"""Colours of the segments, in turn."""
VERDICT_STYLES = {"pass": "green", "warning": "yellow", "fail": "bold red"}
INTERVAL_KEYS = ("success", "score")
TABLE_KEYS = (*INTERVAL_KEYS, "turns", "segments")


def describe_comparisons(comparison: Comparison) -> str:
    """Return a sentence on the intervals of differences."""
    is_family = comparison.num_comparisons > 1
    together = f" for all {comparison.num_comparisons} pairs together (Bonferroni)" if is_family else ""
    return f"95 % interval{together}: bootstrap by {comparison.cluster_key or 'task'}"


def rank_scores(scores: Sequence[Scores]) -> list[Scores]:
    """Return scores with the best first: by success, then by score."""
    return sorted(scores, key=lambda row: (-row.metrics["success"].value, -row.metrics["score"].value, row.name))


def format_value(metric: Metric, value: float) -> str:
    """Return a metric's value as text, a dash where there is none."""
    return "-" if value != value else f"{value:z.{metric.digits}f}"


def format_interval(metric: Metric, interval: Interval) -> str:
    """Return "93.3 [87, 98]", without brackets where no ends are known; numbers without a unit keep their decimals."""
    if interval.low != interval.low:
        return format_value(metric, interval.value)
    digits = 0 if metric.is_percent else metric.digits
    return f"{format_value(metric, interval.value)} [{interval.low:z.{digits}f}, {interval.high:z.{digits}f}]"


def render_table(scores: Sequence[Scores]) -> RenderableType:
    """Return one table for each panel, the best agent first."""
    panels = list(dict.fromkeys(row.panel for row in scores))
    return Group(*(_panel_table(panel, rank_scores([row for row in scores if row.panel == panel])) for panel in panels))


def _panel_table(panel: str, scores: Sequence[Scores]) -> RenderableType:
    metrics = [METRICS_BY_KEY[key] for key in TABLE_KEYS]
    rows = []
    for row in scores:
        episodes = str(row.num_episodes) if row.is_complete else f"{row.num_episodes} of {row.num_tasks}"
        rows.append([row.name, *(_format_cell(metric, row.metrics[metric.key]) for metric in metrics), episodes])
    faults = [f"{row.name}: {faults}" for row in scores if (faults := _describe_faults(row))]
    notes = [*dict.fromkeys(describe_intervals(row.cluster_key) for row in scores), *faults]
    return _table(panel, ["agent", *(metric.title for metric in metrics), "episodes"], rows, notes)


def _describe_faults(row: Scores) -> str:
    faults = [f"broke off {row.num_crashes} of {row.num_episodes} episodes"] if row.num_crashes else []
    ill_formed = row.metrics["ill_formed"].value
    if ill_formed > 0:
        faults.append(f"{ill_formed:.1f} % of its replies were ill-formed")
    cut_off = row.metrics["cut_off"].value
    if cut_off > 0:
        faults.append(f"{cut_off:.1f} % of its replies were cut off")
    return "; ".join(faults)


def _table(
    title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str] = ()
) -> RenderableType:
    """Return a table whose first column holds names and whose others hold numbers that never wrap."""
    table = NumberTable(headings, rows)
    return Group("", Text(title, style="bold"), table, *(Text(note, style="dim") for note in notes))


def _format_cell(metric: Metric, interval: Interval) -> str:
    is_wide = metric.key in INTERVAL_KEYS
    return format_interval(metric, interval) if is_wide else format_value(metric, interval.value)


def render_findings(findings: Sequence[Finding]) -> RenderableType:
    """Return what `check_agent` found, world by world."""
    lines: list[RenderableType] = []
    for world in dict.fromkeys(finding.world for finding in findings):
        lines += [Text(f"\n{world}", style="bold")] if world else []
        for finding in (finding for finding in findings if finding.world == world):
            verdict = (f"{finding.verdict:<8}", VERDICT_STYLES[finding.verdict])
            lines.append(Text.assemble(verdict, finding.what))
            if finding.detail:
                lines.append(Padding(Text(finding.detail, style="dim"), (0, 0, 0, 8)))
    return Group(*lines)


def render_panels(panels: Sequence[Panel]) -> RenderableType:
    """Return a list of panels, two lines each."""
    lines: list[RenderableType] = []
    for panel in panels:
        facts = f"  {len(panel.tasks)} tasks of {panel.env_id}, up to {panel.max_turns} turns"
        lines += [
            Text.assemble((panel.name, "bold"), facts),
            Padding(Text(panel.description, style="dim"), (0, 0, 0, 2)),
        ]
    return Group(*lines)


def render_types(scores: Sequence[Scores]) -> RenderableType:
    """Return a table of success by type of task for each panel whose task ids tell types."""
    metric = METRICS_BY_KEY["success"]
    tables = []
    for panel in dict.fromkeys(row.panel for row in scores):
        ranked = rank_scores([row for row in scores if row.panel == panel])
        kinds = sorted({kind for row in ranked for kind in row.by_type})
        rows = [
            [row.name, *(format_value(metric, row.type_metric(kind, metric.key).value) for kind in kinds)]
            for row in ranked
        ]
        if kinds:
            tables.append(_table(f"{panel}: success % by type of task", ["agent", *kinds], rows))
    return Group(*tables)


def render_comparisons(comparisons: Sequence[Comparison]) -> RenderableType:
    """Return a table of paired differences for each panel."""
    metrics = [METRICS_BY_KEY[key] for key in HEADLINE_KEYS]
    headings = ["first - second", *(metric.title for metric in metrics), "tasks"]
    tables = []
    for panel, note in dict.fromkeys((row.panel, describe_comparisons(row)) for row in comparisons):
        found = [row for row in comparisons if (row.panel, describe_comparisons(row)) == (panel, note)]
        rows = [
            [
                f"{row.first} - {row.second}",
                *(format_interval(metric, row.differences[metric.key]) for metric in metrics),
                str(row.num_pairs),
            ]
            for row in found
        ]
        title = f"{panel}: paired differences on the same tasks"
        tables.append(_table(title, headings, rows, [note]))
    return Group(*tables)


def render_episode(episode: Episode, max_characters: int | None = None) -> RenderableType:
    """Return an episode turn by turn, its segments as coloured bands; long observations end at `max_characters`."""
    head = Text.assemble((episode.agent, "bold"), f" on {episode.task_id}\n", (episode.instruction, "italic"))
    parts: list[RenderableType] = [head, Padding(_observation(episode.reset_observation, max_characters), (1, 0, 0, 2))]
    for index, segment in enumerate(episode.segments):
        parts.append(_segment_band(index, segment, episode.turns[segment.start : segment.end], max_characters))
    parts.append(_outcome(episode))
    return Group(*parts)


def _segment_band(index: int, segment: Segment, turns: Sequence[Turn], max_characters: int | None) -> RenderableType:
    """Return the turns of a segment beside a bar in its colour."""
    style = BAND_STYLES[index % len(BAND_STYLES)]
    length = f"{segment.num_turns} turn{'s' if segment.num_turns != 1 else ''}"
    heading = Text.assemble(
        (f"{index + 1}. {segment.subgoal or '(no subgoal)'}", f"bold {style}"),
        (f"  {length}, {segment.end_reason}", "dim"),
    )
    rows = Table.grid(padding=(0, 1, 0, 0))
    rows.add_column(width=3, justify="right", style="dim")
    rows.add_column(ratio=1)
    for turn in turns:
        rows.add_row(str(turn.number + 1), _turn_text(turn, max_characters))
    return Group(Barred(Group(heading, rows), style), "")


class Barred:
    """Something with a coloured bar along its left side."""

    def __init__(self, inside: RenderableType, style: str) -> None:
        self.inside = inside
        self.style = style

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render line by line, each after a piece of the bar."""
        bar = TerminalSegment("▌ ", console.get_style(self.style))
        for line in console.render_lines(self.inside, options.update(width=options.max_width - 2)):
            yield from (bar, *line, TerminalSegment.line())


def _turn_text(turn: Turn, max_characters: int | None) -> Text:
    reward = f"  reward {turn.reward:g}" if turn.reward else ""
    lines = [Text.assemble("> ", (turn.action or "(no action)", "bold"), (reward, "green"))]
    lines += [Text(f"! {fault}", style="red") for fault in turn.faults]
    if turn.milestones:
        lines.append(Text(f"* {', '.join(turn.milestones)}", style="green"))
    lines.append(_observation(turn.observation, max_characters))
    return Text("\n").join(lines)


def _observation(text: str, max_characters: int | None) -> Text:
    text = text.strip()
    if max_characters is not None and len(text) > max_characters:
        text = text[:max_characters].rstrip() + " …"
    return Text(text, style="dim")


def _outcome(episode: Episode) -> Text:
    if episode.error is not None:
        what = "failed around the agent" if episode.failed_around else "crashed"
        return Text(f"{what}: {episode.error}", style="bold red")
    word, style = ("success", "bold green") if episode.success else ("no success", "bold yellow")
    return Text.assemble((word, style), f" after {episode.num_turns} turns, score {100 * episode.score:.0f}")
