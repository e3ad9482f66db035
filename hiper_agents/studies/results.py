"""What came of a study, read from its runs' logs: success before and after, and along the way."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from hiper_agents.studies.plan import Cell, StudyPlan
from hiper_agents.studies.run import STARTS
from hiper_envs.episodes.quantiles import student_quantile
from hiper_envs.episodes.statistics import CONFIDENCE, UNKNOWN, Interval

HISTORY = "history.jsonl"


@dataclass(frozen=True)
class CellResult:
    """One run: success of its start, after each update in play, and at the end.

    Attributes:
        before: Of the start, as evaluated.
        played: In the episodes that each update was learned from, of training tasks at temperature 1.
        after: The mean of the last evaluations, as many as the settings say.
    """

    before: float
    played: list[float]
    after: float


@dataclass(frozen=True)
class ArmResult:
    """An arm over those seeds that are trained to the end.

    Attributes:
        name: The arm's.
        cells: Its runs.
        before, after, gain: Means over seeds; the intervals are Student's, seeds being what was drawn.
        played: Success in play after as many updates, mean over seeds.
    """

    name: str
    cells: Sequence[CellResult]
    before: float
    after: Interval
    gain: Interval
    played: list[float]


def read_results(plan: StudyPlan, folder: Path) -> list[ArmResult]:
    """Return the arms of which at least one run has come to its end, in the plan's order.

    Args:
        plan: The study.
        folder: Where its runs lie.
    """
    cells: dict[str, list[CellResult]] = {}
    for cell in plan.list_cells():
        result = _read_cell(plan, cell, folder)
        if result is not None:
            cells.setdefault(cell.arm, []).append(result)
    return [_summarise(arm, cells[arm]) for arm in plan.arms if arm in cells]


def _read_cell(plan: StudyPlan, cell: Cell, folder: Path) -> CellResult | None:
    start = plan.arms[cell.arm].start
    before = _list_success(_read_history(folder / STARTS / start))
    config = plan.configure_cell(cell, Path())
    history = _read_history(folder / cell.folder)
    if len(history) < config.updates or not before:
        return None
    played = [float(entry["played_success"]) for entry in history]
    return CellResult(before[-1], played, fmean(_list_success(history)[-config.evaluations_kept :]))


def _read_history(folder: Path) -> list[dict[str, Any]]:
    path = folder / HISTORY
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []


def _list_success(history: Sequence[dict[str, Any]]) -> list[float]:
    return [float(entry["evaluation"]["success"]) for entry in history if "evaluation" in entry]


def _summarise(name: str, cells: Sequence[CellResult]) -> ArmResult:
    gains = [cell.after - cell.before for cell in cells]
    return ArmResult(
        name=name,
        cells=cells,
        before=fmean(cell.before for cell in cells),
        after=_interval([cell.after for cell in cells]),
        gain=_interval(gains),
        played=[fmean(each) for each in zip(*(cell.played for cell in cells), strict=True)],
    )


def _interval(values: Sequence[float]) -> Interval:
    if len(values) < 2:
        return UNKNOWN._replace(value=fmean(values))
    mean, error = fmean(values), stdev(values) / math.sqrt(len(values))
    reach = student_quantile(CONFIDENCE, len(values) - 1) * error
    return Interval(mean, mean - reach, mean + reach)
