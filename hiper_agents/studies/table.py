"""A study's results as a table on a screen."""

import math
from collections.abc import Sequence

from rich.table import Table

from hiper_agents.studies.results import ArmResult
from hiper_envs.episodes.statistics import Interval


def make_table(results: Sequence[ArmResult], name: str) -> Table:
    """Return a row for each arm, in percent.

    Args:
        results: The arms.
        name: The study's name.
    """
    table = Table(
        title=name,
        caption="success in percent; 95 % intervals over seeds (Student); play: training tasks, temperature 1",
    )
    for column in ("arm", "seeds", "before", "after", "gain", "play, first update", "last three"):
        table.add_column(column)
    for each in results:
        after, gain = _tell(each.after), _tell(each.gain)
        first, last = each.played[0], sum(each.played[-3:]) / len(each.played[-3:])
        table.add_row(
            each.name,
            str(len(each.cells)),
            f"{100 * each.before:.1f}",
            after,
            gain,
            f"{100 * first:.1f}",
            f"{100 * last:.1f}",
        )
    return table


def _tell(interval: Interval) -> str:
    value = f"{100 * interval.value:.1f}"
    return value if math.isnan(interval.low) else f"{value} [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"
