"""Tables of names and numbers that stay readable on a narrow terminal."""

from collections.abc import Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

MIN_NAME_WIDTH = 12
"""Names that are longer wrap, but not into columns narrower than this."""
_PADDING, _GAP = 1, 2
"""After each column: spaces, and those with the line that the box leaves blank or draws."""


class NumberTable:
    """A table whose first column holds names, which may wrap, and whose others hold numbers, which never do.

    Where not all columns fit beside the names, the table is cut between columns, and each part has the names again.

    Args:
        headings: One for each column.
        rows: Texts, as many as headings in each.
    """

    def __init__(self, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        self._headings = headings
        self._rows = rows
        self._widths = [
            max(len(text) for text in [*heading.split(), *(row[column] for row in rows)])
            for column, heading in enumerate(headings)
        ]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render one table, or parts of it below each other."""
        for number, columns in enumerate(self._cut(options.max_width)):
            if number:
                yield ""
            yield self._part(columns)

    def _cut(self, width: int) -> Iterator[list[int]]:
        """Yield the columns of each part; a part has one at least."""
        free = width - min(self._widths[0], MIN_NAME_WIDTH) - _GAP
        columns: list[int] = []
        used = 0
        for column in range(1, len(self._headings)):
            needed = self._widths[column] + _GAP
            if columns and used + needed > free:
                yield columns
                columns, used = [], 0
            columns.append(column)
            used += needed
        yield columns

    def _part(self, columns: Sequence[int]) -> Table:
        table = Table(box=SIMPLE_HEAD, padding=(0, _PADDING, 0, 0), show_edge=False)
        table.add_column(self._headings[0], style="bold", overflow="fold")
        for column in columns:
            table.add_column(self._headings[column], justify="right", width=self._widths[column])
        for row in self._rows:
            table.add_row(Text(row[0]), *(Text(row[column]) for column in columns))
        return table
