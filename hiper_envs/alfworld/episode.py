"""What an environment tells of an episode: points to return to, and what an engine's answer is worth."""

from typing import NamedTuple

from hiper_envs.alfworld.played_game import EngineState


class Progress(NamedTuple):
    """How far an episode with several goals has come.

    Attributes:
        order: In which order they count.
        reward: What is rewarded.
        reached: Per goal, whether it has been reached as far as that matters from here on.
    """

    order: str
    reward: str
    reached: tuple[bool, ...]


class EnvState(NamedTuple):
    """A point in a game that an environment can return to; picklable, equal for equal situations.

    Attributes:
        task_id: The game.
        name_seed: How its names are dealt out; None for the official names.
        engine_state: The fast engine's state, or the official engine's commands so far.
        goal: The goal in a person's words; None for ALFWorld's sentence.
        progress: What has been done towards several goals; None where there is one.
    """

    task_id: str
    name_seed: int | None
    engine_state: EngineState
    goal: str | None = None
    progress: Progress | None = None


class Verdict(NamedTuple):
    """What an environment makes of an engine's answer.

    Attributes:
        text: The observation.
        reward: The turn's reward.
        success: Whether the task is done, which ends the episode.
        score: From 0 to 1.
    """

    text: str
    reward: float
    success: bool
    score: float
