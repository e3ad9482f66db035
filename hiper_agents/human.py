"""A person at the terminal as an agent."""

from collections.abc import Mapping
from typing import cast

from rich.columns import Columns
from rich.console import Console
from rich.markup import escape

from hiper_envs.reply import write_reply

HELP = "Type an action or its number. To open a segment write its subgoal first: find a mug > 3. Enter quit to stop."


class HumanAgent:
    """Shows observations and numbered admissible actions, and asks for replies."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Begin an episode."""
        self._subgoal = ""
        self._is_first = True

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        """Ask for a turn.

        Raises:
            KeyboardInterrupt: The person wants to stop.
        """
        actions = cast(list[str], info["admissible_actions"])
        if self._is_first:
            self.console.print(HELP, style="dim")
            self.console.print(escape(str(info["instruction"])), style="bold")
        self._is_first = False
        self.console.print(escape(observation))
        numbered = [f"[dim]{number}[/] {escape(action)}" for number, action in enumerate(actions, start=1)]
        self.console.print(Columns(numbered, padding=(0, 3)))
        return self.read_turn(self.console.input("> "), actions)

    def read_turn(self, text: str, actions: list[str]) -> str:
        """Return the reply that a typed line means."""
        if text.strip() == "quit":
            raise KeyboardInterrupt
        subgoal, arrow, action = text.rpartition(" > ")
        if arrow:
            self._subgoal = subgoal.strip()
        action = action.strip()
        if action.isdigit() and 1 <= int(action) <= len(actions):
            action = actions[int(action) - 1]
        return write_reply(action, self._subgoal, bool(arrow))
