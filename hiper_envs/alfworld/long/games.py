"""Games with several goals, made of a source's games as they are asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from hiper_envs.alfworld.games.problem import Problem
from hiper_envs.alfworld.long.draw import draw_tasks
from hiper_envs.alfworld.reading import ORDERS, SEPARATOR
from hiper_envs.alfworld.sources import GameSource, share

MAX_GOALS = 8
SURE_GOALS = 5
"""As many goals every generated game has."""


@dataclass(frozen=True, eq=False)
class LongProblem(Problem):
    """A game with several goals.

    Attributes:
        sentences: ALFWorld's sentence for each goal.
    """

    sentences: tuple[str, ...] = ()


class TooFewGoalsError(ValueError):
    """A house that has fewer goals than were asked for."""


class LongGames:
    """The games of a source with further goals.

    Args:
        games: The source.
        num_goals: How many goals each game has.
        order: Whether they hold at once ("any") or are done one after the other ("sequence").
    """

    def __init__(self, games: GameSource, num_goals: int, order: str) -> None:
        self._games, self._num_goals, self._order = games, num_goals, order
        self.tasks: Sequence[str] = games.tasks
        self.place, self.left_out = games.place, games.left_out
        self.find_file, self.list_human_goals = games.find_file, games.list_human_goals
        self._short: dict[tuple[str, ...], int] = {}
        # Kept, so that the game of a drawn task is not made twice.
        self._latest: LongProblem | None = None

    @property
    def num_short(self) -> int:
        """How many games have been found to have too few goals."""
        return len(self._short)

    def count_goals(self, task: str) -> int:
        """Return how many goals a task can have, `MAX_GOALS` at the most."""
        return len(draw_tasks(self._games.load(task), task, MAX_GOALS))

    def has_goals(self, task: str) -> bool:
        """Return whether a task has as many goals as are wanted; one it has, whatever its file says."""
        if self._num_goals == 1:
            return True
        try:
            self.load(task)
        except TooFewGoalsError:
            return False
        return True

    def load(self, task: str) -> LongProblem:
        """Return a task's game.

        Raises:
            TooFewGoalsError: The house has not as many goals.
            GameFileError: The file of the game cannot be played.
        """
        self._latest = share(self.name_game(task), lambda: self._lengthen(task))
        return self._latest

    def name_game(self, task: str) -> tuple[str, ...]:
        """Return what tells a task's game from all others in play."""
        return *self._games.name_game(task), self._order, str(self._num_goals)

    def _lengthen(self, task: str) -> LongProblem:
        name = self.name_game(task)
        problem = self._games.load(task)
        drawn = [] if name in self._short else draw_tasks(problem, task, self._num_goals)
        if len(drawn) < self._num_goals:
            most = self._short.setdefault(name, len(drawn))
            raise TooFewGoalsError(
                f"the house of {task!r} has not {self._num_goals} goals of different things: num_goals={most} is the"
                " most for this task"
            )
        kept = {field.name: getattr(problem, field.name) for field in fields(Problem)}
        sentences = tuple(each.sentence for each in drawn)
        if len(drawn) > 1:
            kept["task"] = ORDERS[self._order] + SEPARATOR.join(sentences)
            kept["more_goals"] = tuple(each.goal for each in drawn[1:])
        return LongProblem(**kept, sentences=sentences)
