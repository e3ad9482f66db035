"""ALFWorld as a Gymnasium environment: text in, text out."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Self

import gymnasium as gym

from hiper_envs.alfworld.episode import EnvState, Verdict
from hiper_envs.alfworld.games.digest import digest_game
from hiper_envs.alfworld.games.paths import Games, name_again
from hiper_envs.alfworld.games.problem import Problem
from hiper_envs.alfworld.milestones import HouseholdMilestones
from hiper_envs.alfworld.official.engine import OfficialEngine
from hiper_envs.alfworld.played_game import PlayedGame
from hiper_envs.alfworld.rules.engine import Engine, Output
from hiper_envs.alfworld.rules.solver import find_plan
from hiper_envs.alfworld.sources import SPLITS, GameSource, check_human_goals, open_games
from hiper_envs.arguments import (
    check_action,
    check_render_mode,
    check_seed,
    choose_task,
    read_task_option,
    tell_wrong_state,
)
from hiper_envs.milestones import Milestones
from hiper_envs.spaces import UnicodeText
from hiper_envs.task_types import task_scene
from webshop_server.allowed_names import check_choice, nearest_name, refuse_unknown
from webshop_server.allowed_types import check_flag

ENGINES = ("fast", "textworld")
RENDER_MODES = ("ansi",)
GOALS = ("template", "human")
NAME_SEEDS = 2**31
_OPENED_AGAIN = ("_games", "_game")


class ALFWorldEnv(gym.Env[str, str]):
    """One ALFWorld game at a time.

    Observation and action are strings; the action is one command, stripped of outer spaces, exact in everything else.
    `info` holds at each reset and step: `task_id`, `instruction`, `admissible_actions` (in string order), `success`,
    `score` (1.0 when the goal holds, else 0.0); with `expert_plan` also `expert_plan`, commands from here to success
    (none where the game is won or can no longer be).
    The reward is the score, and the episode terminates when the goal holds.

    It can be pickled and deep-copied, in mid-episode too, and the copy plays on as the original does. The games are not
    in the pickle: they are opened again by what `games` says.

    Args:
        split: "train", "valid_seen" or "valid_unseen".
        games: None for the user's real games under $ALFWORLD_DATA or else generated ones; "generated" for those in
            any case; a folder; a file ending in .tw-pddl or .tw-pddl.gz; or a sequence of such files.
        engine: "fast", or "textworld" for the official engine (needs the extra `official`).
        expert_plan: Whether `info` holds a solver's plan; privileged, for imitation and debugging.
        shuffle_names: Whether each episode deals the numbers in the names out anew; for the train split only.
        goals: "template" for ALFWorld's own sentences, or "human" for those that people wrote for the released games:
            each reset draws one of the game's, where alfworld-generate draws one for good. The text says
            "Your task is to: " and theirs, and a full stop after it, as alfworld's does.
        render_mode: "ansi": `render` returns the text of the present turn; None: it returns nothing.

    Raises:
        ValueError: A split, engine, kind of goals, render mode or combination that does not exist, a folder without
            games, or goals="human" where the games have none.
        WrongTypeError: A flag that is neither True nor False.
        FileNotFoundError: The games are not there.
        ImportError: engine="textworld" without the extra `official`.
    """

    # Gymnasium reads it as an attribute of the class.
    metadata: dict[str, Any] = {"render_modes": [*RENDER_MODES], "render_fps": 1}  # noqa: RUF012
    group_key = "scene"
    """What tasks share that `group_of` tells."""

    def __init__(
        self,
        split: str = "train",
        games: Games = None,
        engine: str = "fast",
        expert_plan: bool = False,
        shuffle_names: bool = False,
        goals: str = "template",
        render_mode: str | None = None,
        **unknown: object,
    ) -> None:
        refuse_unknown(unknown, type(self).__init__)
        self.split = check_choice(split, SPLITS, "split")
        self.engine_name = check_choice(engine, ENGINES, "engine")
        self._expert_plan = check_flag(expert_plan, "expert_plan")
        self._shuffle_names = check_flag(shuffle_names, "shuffle_names")
        self.render_mode = check_render_mode(render_mode, RENDER_MODES)
        if shuffle_names and split != "train":
            raise ValueError(f"shuffle_names is for the train split, not for {split!r}: the others are frozen")
        self.observation_space = UnicodeText()
        self.action_space = UnicodeText()
        games = list(games) if isinstance(games, Iterator) else games
        self._games = self._open_games(games)
        self._games_given = name_again(games, are_files=bool(self._games.place))
        self.goals = check_choice(goals, GOALS, "goals")
        if goals == "human":
            check_human_goals(self._games)
        self._text: str | None = None
        self._task_id = ""
        self._name_seed: int | None = None
        self._goal: str | None = None
        self._game: PlayedGame | None = None

    @property
    def tasks(self) -> Sequence[str]:
        """The ids of the split's tasks, in a fixed order."""
        return self._games.tasks

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Begin a game.

        Args:
            seed: Seeds the draw of tasks, names and goals; the same seed draws the same.
            options: "task": position in `tasks`, or a task's id; without it a task is drawn.

        Raises:
            ValueError: An option or a task that does not exist.
            WrongTypeError: A seed, options or a task of the wrong type.
            GameFileError: The game's file cannot be played.
        """
        seed, task = check_seed(seed), read_task_option(options)
        asked = None if task is None else self._find_task(task)
        super().reset(seed=seed)
        task_id = self._draw_task() if asked is None else asked
        name_seed = int(self.np_random.integers(NAME_SEEDS)) if self._shuffle_names else None
        game = self._start_game(task_id, name_seed, self._draw_goal(task_id))
        output = game.reset()
        self._begin()
        verdict = self._judge(game, output)
        self._text = verdict.text
        return verdict.text, self._make_info(game, output, verdict)

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Play one command.

        Raises:
            WrongTypeError: The action is no string.
        """
        action = check_action(action, "go to desk 1")
        game = self._playing()
        output = game.step(action)
        verdict = self._judge(game, output)
        self._text = verdict.text
        return verdict.text, verdict.reward, verdict.success, False, self._make_info(game, output, verdict)

    def _begin(self) -> None:
        """Forget what is known of the last episode."""

    def _judge(self, game: PlayedGame, output: Output) -> Verdict:
        """Return what the game's answer is worth."""
        return Verdict(output.text, float(output.won), output.won, float(output.won))

    def render(self) -> str | None:
        """Return the text of the present turn: what `reset` or `step` returned; after `set_state`, what "look" says."""
        game = self._playing()
        if self.render_mode is None:
            gym.logger.warn('render has nothing to return: make the environment with render_mode="ansi"')
            return None
        return game.engine.look() if self._text is None else self._text

    def get_state(self) -> EnvState:
        """Return the present point of the game; an episode's count of turns is not part of it."""
        return EnvState(self._task_id, self._name_seed, self._playing().get_state(), self._goal)

    def set_state(self, state: EnvState) -> None:
        """Go on from a state that `get_state` returned, here or in another environment over the same games.

        The official engine plays the way there again, which takes as long as it did. What is no state is refused.
        """
        if not isinstance(state, EnvState):
            raise tell_wrong_state(state)
        if state.progress is not None:
            raise ValueError("this state is of an episode with several goals; hiper/ALFWorldLong-v0 goes on from it")
        game = self._start_game(self._find_task(state.task_id), state.name_seed, state.goal)
        self._text = None
        game.set_state(state.engine_state)

    def group_of(self, task: str) -> str:
        """Return the scene (the number of its floor plan) that a task is set in.

        Raises:
            ValueError: The task is unknown, or its id does not say.
        """
        return task_scene(self._find_task(task))

    @property
    def place(self) -> str:
        """Where the games lie, for messages ("$ALFWORLD_DATA", a folder); "" for generated ones."""
        return self._games.place

    @property
    def left_out(self) -> Mapping[str, str]:
        """The games there that are not among the tasks: task id -> its file and why."""
        return self._games.left_out

    @property
    def has_digests(self) -> bool:
        """Whether the games are files, which may change under their names, so that `digest_of` tells."""
        return self._games.find_file(self.tasks[0]) is not None

    def digest_of(self, task: str) -> str:
        """Return the SHA-256 of all that decides a task's game, its human goals too if they are played: `digest_game`.

        Raises:
            ValueError: The task is unknown, its game cannot be read, or is generated and has no file.
        """
        file = self._games.find_file(self._find_task(task))
        if file is None:
            raise ValueError(f"{task!r} is generated: its id alone decides the game, and there is no file to digest")
        return digest_game(file, self._games.list_human_goals(task) if self.goals == "human" else ())

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the games, and of the engine keep where it stands."""
        kept = {name: value for name, value in self.__dict__.items() if name not in _OPENED_AGAIN}
        return {**kept, "_point": None if self._game is None else self.get_state()}

    def __setstate__(self, saved: dict[str, Any]) -> None:
        """Open the games again and go on where the original stood."""
        self._go_on(saved, None)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return a copy that plays the same games; those are never changed, so both read the same ones."""
        copied = memo[id(self)] = type(self).__new__(type(self))
        copied._go_on(copy.deepcopy(self.__getstate__(), memo), self._games)
        return copied

    def _go_on(self, saved: dict[str, Any], games: GameSource | None) -> None:
        point = saved.pop("_point")
        self.__dict__.update(saved, _game=None)
        self._games = self._open_games(self._games_given) if games is None else games
        if point is not None:
            self.set_state(point)
            self._text = saved["_text"]

    def make_milestones(self) -> Milestones:
        """Return what watches this episode for the milestones of its goal."""
        self._playing()
        return HouseholdMilestones(self._games.load(self._task_id).goal)

    def close(self) -> None:
        """Give back what the official engine holds."""
        if self._game is not None:
            self._game.close()
        self._game = None

    def _playing(self) -> PlayedGame:
        if self._game is None:
            raise gym.error.ResetNeeded("call reset before anything else: no game has begun")
        return self._game

    def _open_games(self, games: Games) -> GameSource:
        return open_games(games, self.split)

    def _find_task(self, task: object) -> str:
        if isinstance(task, str) and task == self._task_id:
            return self._task_id
        return choose_task(task, self.tasks, self.split, partial(nearest_name, allowed=self.tasks))

    def _draw_task(self) -> str:
        return self.tasks[int(self.np_random.integers(len(self.tasks)))]

    def _draw_goal(self, task_id: str) -> str | None:
        if self.goals == "template":
            return None
        goals = self._games.list_human_goals(task_id)
        return goals[int(self.np_random.integers(len(goals)))]

    def _start_game(self, task_id: str, name_seed: int | None, goal: str | None) -> PlayedGame:
        """Return the game of a task: the present one if it is just that."""
        if self._game is not None and (task_id, name_seed, goal) == (self._task_id, self._name_seed, self._goal):
            return self._game
        self.close()
        self._game = self._make_game(task_id, name_seed, goal)
        self._task_id, self._name_seed, self._goal = task_id, name_seed, goal
        return self._game

    def _make_game(self, task_id: str, name_seed: int | None, goal: str | None) -> PlayedGame:
        if self.engine_name == "fast":
            engine = Engine(self._load(task_id, goal), name_seed)
            return PlayedGame(engine, engine)
        mirror = Engine(self._load(task_id, goal), name_seed) if self._needs_mirror else None
        return PlayedGame(OfficialEngine(self._find_official(task_id, goal), name_seed), mirror)

    @property
    def _needs_mirror(self) -> bool:
        """Whether a fast engine goes in step with the official one."""
        return self._expert_plan

    def _find_official(self, task_id: str, goal: str | None) -> Path | Problem:
        """Return what the official engine reads of a game."""
        file = self._games.find_file(task_id) if goal is None else None
        return file or self._load(task_id, goal)

    def _load(self, task_id: str, goal: str | None) -> Problem:
        problem = self._games.load(task_id)
        return problem if goal is None else replace(problem, task=goal)

    def _make_info(self, game: PlayedGame, output: Output, verdict: Verdict) -> dict[str, Any]:
        info: dict[str, Any] = {
            "task_id": self._task_id,
            "instruction": game.engine.task,
            "admissible_actions": output.admissible,
            "success": verdict.success,
            "score": verdict.score,
        }
        if self._expert_plan and game.mirror is not None:
            info["expert_plan"] = self._plan(game.mirror)
        return info

    def _plan(self, mirror: Engine) -> list[str]:
        return find_plan(mirror)
