"""The game of an episode: on the engine asked for, and on a fast one in step with it for whoever looks inside."""

from hiper_envs.alfworld.official.engine import OfficialEngine
from hiper_envs.alfworld.rules.engine import Engine, Output
from hiper_envs.alfworld.rules.situation import State

EngineState = State | tuple[str, ...]
"""The fast engine's state, or the official engine's commands so far."""


class PlayedGame:
    """One game on one engine.

    Args:
        engine: The engine that answers.
        mirror: A fast engine that is to play the same commands: `engine` itself if that is fast; None for none.
    """

    def __init__(self, engine: Engine | OfficialEngine, mirror: Engine | None = None) -> None:
        self.engine = engine
        self.mirror = mirror

    def reset(self) -> Output:
        """Begin the game again."""
        if self.mirror is not None and self.mirror is not self.engine:
            self.mirror.reset()
        return self.engine.reset()

    def step(self, command: str) -> Output:
        """Play one command."""
        if self.mirror is not None and self.mirror is not self.engine:
            self.mirror.step(command)
        return self.engine.step(command)

    def get_state(self) -> EngineState:
        """Return where the game stands."""
        return self.engine.get_state()

    def set_state(self, state: EngineState) -> None:
        """Go on from a state of this game; the official engine plays the way there again.

        Raises:
            ValueError: The state was made by the other engine.
        """
        if isinstance(self.engine, Engine) and isinstance(state, State):
            self.engine.set_state(state)
        elif isinstance(self.engine, OfficialEngine) and not isinstance(state, State):
            self.engine.set_state(state)
            if self.mirror is not None:
                self.mirror.replay(state)
        else:
            name = "fast" if isinstance(self.engine, Engine) else "textworld"
            raise ValueError(f"this state was made by the other engine, not by engine={name!r}")

    def close(self) -> None:
        """Give back what the official engine holds."""
        if isinstance(self.engine, OfficialEngine):
            self.engine.close()
