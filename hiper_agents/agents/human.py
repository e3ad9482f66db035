"""A person at the terminal as an agent."""

from collections.abc import Mapping
from typing import cast

from rich.columns import Columns
from rich.console import Console
from rich.text import Text

from hiper_envs.reply import write_reply

HELP = "Type an action or its number. To open a segment write its subgoal first: find a mug > 3. Enter quit to stop."
SEARCH_HELP = "In the shop you may also enter search[your words], wherever there is a search bar."


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
            KeyboardInterrupt: The person wants to stop, or the input has ended.
        """
        actions = cast(list[str], info["admissible_actions"])
        if self._is_first:
            self._show(f"{HELP} {SEARCH_HELP}" if "has_search_bar" in info else HELP, "dim")
            self._show(str(info["instruction"]), "bold")
        self._is_first = False
        self._show(observation)
        numbers = enumerate(actions, start=1)
        self.console.print(Columns([Text.assemble((str(n), "dim"), " ", action) for n, action in numbers], (0, 3)))
        while True:
            try:
                return self.read_turn(self.console.input("> "), actions)
            except EOFError:
                raise KeyboardInterrupt from None
            except ValueError as mistake:
                self._show(str(mistake), "yellow")

    def read_turn(self, text: str, actions: list[str]) -> str:
        """Return the reply that a typed line means.

        Raises:
            KeyboardInterrupt: The line is "quit".
            ValueError: It names no action, or a number that none has.
        """
        if text.strip() == "quit":
            raise KeyboardInterrupt
        subgoal, arrow, action = f"{text} ".rpartition(" > ")
        action = action.strip()
        is_number = action.lstrip("+-").isdecimal()
        if not action or (is_number and not 1 <= int(action) <= len(actions)):
            said = f"there is no action {action}" if action else "no action was entered"
            numbers = f"a number from 1 to {len(actions)}" if len(actions) > 1 else "the number 1"
            raise ValueError(f"{said}; enter {numbers}, an action in words, or quit")
        if arrow:
            self._subgoal = subgoal.strip()
        return write_reply(actions[int(action) - 1] if is_number else action, self._subgoal, bool(arrow))

    def _show(self, text: str, style: str = "") -> None:
        self.console.print(text, style=style, markup=False, highlight=False)
