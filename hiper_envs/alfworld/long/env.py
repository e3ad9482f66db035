"""ALFWorld with several goals in one house, all at once or one after the other."""

from pathlib import Path
from typing import Any

from hiper_envs.alfworld.env import ALFWorldEnv
from hiper_envs.alfworld.episode import EnvState, Progress, Verdict
from hiper_envs.alfworld.games.paths import Games
from hiper_envs.alfworld.games.problem import Problem
from hiper_envs.alfworld.long.games import MAX_GOALS, SURE_GOALS, LongGames, LongProblem
from hiper_envs.alfworld.long.milestones import LongMilestones
from hiper_envs.alfworld.played_game import PlayedGame
from hiper_envs.alfworld.reading import ORDERS, write_progress
from hiper_envs.alfworld.rules.engine import Engine, Output
from hiper_envs.alfworld.rules.solver import find_plan_in_order
from hiper_envs.alfworld.sources import open_games
from hiper_envs.arguments import tell_wrong_state
from hiper_envs.milestones import Milestones
from hiper_envs.registration import ALFWORLD_MAX_TURNS
from webshop_server.allowed_names import check_choice, refuse_unknown
from webshop_server.allowed_types import check_integer

NUM_GOALS = 3
REWARDS = ("sparse", "per_goal")


class ALFWorldLongEnv(ALFWorldEnv):
    """ALFWorld with `num_goals` goals in one house; with one goal it is `ALFWorldEnv`.

    The tasks are the plain world's. The goals of a task depend on its id alone: the first is the game's own, and those
    of k goals are the first ones of those of k + 1. In the order "any" the game is won when all goals hold at once. In
    "sequence" one goal is due at a time; it is done when it holds after a turn, and a line after the turn's text says
    so: "Done: ... Next: ...".

    `info` also holds `goals`, their sentences, and `goals_reached`, a flag for each: whether it holds now ("any"), or
    is done ("sequence"). `score` is 1.0 when all is done, else the share of goals reached.

    Some houses have too few things for so many goals (`count_goals`): such a task is never drawn, and refused if it is
    asked for.

    Args:
        split: As `ALFWorldEnv`; so are all that are not described here.
        games: Which games.
        engine: Which engine.
        expert_plan: Whether `info` holds a plan: short, not always the shortest.
        shuffle_names: Whether names are dealt out anew.
        goals: "human" with one goal only: people wrote sentences for the games' own goals.
        render_mode: "ansi" or None.
        num_goals: From 1 to 8.
        order: "any" or "sequence".
        reward: "sparse": 1.0 when all is done; "per_goal": 1 / num_goals when a goal is reached for the first time.
        max_turns: Turns after which `gym.make` has an episode truncated; None for 50 times `num_goals`.

    Raises:
        ValueError: What `ALFWorldEnv` refuses, or a number of goals or turns, an order or a reward that does not exist.
        WrongTypeError: A flag or number of the wrong type.
        FileNotFoundError: The games are not there.
        ImportError: engine="textworld" without the extra `official`.
    """

    _games: LongGames

    def __init__(
        self,
        split: str = "train",
        games: Games = None,
        engine: str = "fast",
        expert_plan: bool = False,
        shuffle_names: bool = False,
        goals: str = "template",
        render_mode: str | None = None,
        *,
        num_goals: int = NUM_GOALS,
        order: str = "any",
        reward: str = "sparse",
        max_turns: int | None = None,
        **unknown: object,
    ) -> None:
        refuse_unknown(unknown, type(self).__init__)
        self.num_goals = check_integer(num_goals, "num_goals", 1)
        if self.num_goals > MAX_GOALS:
            raise ValueError(f"num_goals must be an integer from 1 to {MAX_GOALS}, got {num_goals}")
        self.order = check_choice(order, ORDERS, "order")
        self.reward = check_choice(reward, REWARDS, "reward")
        turns = ALFWORLD_MAX_TURNS * self.num_goals
        self.max_turns = turns if max_turns is None else check_integer(max_turns, "max_turns", 1)
        if goals == "human" and self.num_goals > 1:
            raise ValueError(
                f"goals='human' is for one goal: people wrote sentences for the games' own goals, and num_goals is"
                f" {num_goals}; take num_goals=1 or goals='template'"
            )
        self._reached: tuple[bool, ...] = ()
        super().__init__(split, games, engine, expert_plan, shuffle_names, goals, render_mode)

    def get_state(self) -> EnvState:
        """Return the present point of the game; an episode's count of turns is not part of it."""
        state = super().get_state()
        return state if self.num_goals == 1 else state._replace(progress=self._progress)

    def set_state(self, state: EnvState) -> None:
        """Go on from a state that `get_state` returned, here or where the same goals count in the same way."""
        progress = state.progress if isinstance(state, EnvState) and self.num_goals > 1 else None
        if isinstance(state, EnvState) and self.num_goals > 1:
            self._check_progress(progress)
            state = state._replace(progress=None)
        super().set_state(state)
        self._reached = progress.reached if progress else ()

    @property
    def _progress(self) -> Progress:
        """What the future depends on beside the game: which goals are done, or have been paid for."""
        matters = self.order == "sequence" or self.reward == "per_goal"
        reached = self._reached if matters else (False,) * self.num_goals
        return Progress(self.order, self.reward, reached)

    def _check_progress(self, progress: object) -> None:
        if progress is not None and not _is_sound(progress):
            raise tell_wrong_state(progress)
        mine = (self.num_goals, self.order, self.reward)
        theirs = (1, "any", "sparse")
        if isinstance(progress, Progress):
            theirs = len(progress.reached), progress.order, progress.reward
        if theirs != mine:
            told, own = ("num_goals={}, order={!r}, reward={!r}".format(*each) for each in (theirs, mine))
            raise ValueError(f"this state is of an episode with {told}; this environment has {own}")

    def count_goals(self, task: str) -> int:
        """Return how many goals a task can have, 8 at the most.

        Raises:
            ValueError: The task is unknown, or its game cannot be played.
        """
        return self._games.count_goals(self._find_task(task))

    def list_playable(self) -> list[str]:
        """Return the tasks that have as many goals as are asked for.

        That takes some milliseconds a task, but none where games are generated and have so many goals in any case.
        """
        if not self.place and self.num_goals <= SURE_GOALS:
            return list(self.tasks)
        return [task for task in self.tasks if self._games.has_goals(task)]

    def make_milestones(self) -> Milestones:
        """Return what watches this episode for the milestones of its goals."""
        if self.num_goals == 1:
            return super().make_milestones()
        return LongMilestones(self._find_problem().goals)

    def _draw_task(self) -> str:
        """Draw among the tasks that have as many goals as are asked for.

        Raises:
            TooFewGoalsError: There is none.
        """
        while True:
            task = super()._draw_task()
            if self._games.has_goals(task):
                return task
            if self._games.num_short == len(self.tasks):
                self._games.load(task)

    def _open_games(self, games: Games) -> LongGames:
        return LongGames(open_games(games, self.split), self.num_goals, self.order)

    def _find_problem(self) -> LongProblem:
        """Return the present game, which has several goals."""
        mirror = self._playing().mirror
        assert mirror is not None and isinstance(mirror.problem, LongProblem)
        return mirror.problem

    @property
    def _needs_mirror(self) -> bool:
        return self._expert_plan or self.num_goals > 1

    def _find_official(self, task_id: str, goal: str | None) -> Path | Problem:
        """Return what the official engine reads: files hold the first goal only."""
        return super()._find_official(task_id, goal) if self.num_goals == 1 else self._load(task_id, goal)

    def _begin(self) -> None:
        self._reached = (False,) * self.num_goals

    def _judge(self, game: PlayedGame, output: Output) -> Verdict:
        """Return what the game's answer is worth, and keep which goals have been reached."""
        if self.num_goals == 1 or game.mirror is None:
            return super()._judge(game, output)
        before = self._reached
        holding = list_holding(game.mirror)
        if self.order == "any":
            self._reached = tuple(was or now for was, now in zip(before, holding, strict=True))
            success, num_reached, text = output.won, sum(holding), output.text
        else:
            self._reached = _advance(before, holding)
            success, num_reached = all(self._reached), sum(self._reached)
            text = output.text + self._tell_progress(sum(before), num_reached)
        reward = float(success)
        if self.reward == "per_goal":  # differences of shares, so that they sum to 1.0 without an error of rounding
            reward = sum(self._reached) / self.num_goals - sum(before) / self.num_goals
        return Verdict(text, reward, success, num_reached / self.num_goals)

    def _tell_progress(self, before: int, now: int) -> str:
        """Return the line that tells which goals a turn has done; nothing of the last, which ends the episode."""
        if before == now or now == self.num_goals:
            return ""
        sentences = self._find_problem().sentences
        return write_progress(sentences[before:now], sentences[now])

    def _make_info(self, game: PlayedGame, output: Output, verdict: Verdict) -> dict[str, Any]:
        info = super()._make_info(game, output, verdict)
        if self.num_goals == 1:
            return {**info, "goals": [info["instruction"]], "goals_reached": [verdict.success]}
        reached = list_holding(game.mirror) if self.order == "any" and game.mirror is not None else self._reached
        return {**info, "goals": list(self._find_problem().sentences), "goals_reached": list(reached)}

    def _plan(self, mirror: Engine) -> list[str]:
        if self.order == "any" or self.num_goals == 1:
            return super()._plan(mirror)
        return find_plan_in_order(mirror, sum(self._reached))


def list_holding(engine: Engine) -> tuple[bool, ...]:
    """Return for each goal of a game whether it holds now."""
    return tuple(map(engine.satisfies, engine.world.conditions))


def _is_sound(progress: object) -> bool:
    """Return whether something is a progress that there can be: in a sequence goals are done from the first on."""
    if not isinstance(progress, Progress) or not isinstance(progress.reached, tuple):
        return False
    is_run = progress.order != "sequence" or sorted(progress.reached, reverse=True) == [*progress.reached]
    return is_run and all(isinstance(flag, bool) for flag in progress.reached)


def _advance(reached: tuple[bool, ...], holding: tuple[bool, ...]) -> tuple[bool, ...]:
    """Return which goals of a sequence are done once those that fall due and hold are done too."""
    due = sum(reached)
    while due < len(holding) and holding[due]:
        due += 1
    return tuple(number < due for number in range(len(holding)))
