"""Prompts that a language model acts on, versioned.

Three styles for either world: "hiper" asks for switch, subgoal and action in one reply, "plan-execute" asks for a
numbered plan's current step as the subgoal, "react" asks for a thought and an action only. All are answered in the tags
that `hiper_envs.reply` reads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from webshop_server.allowed_names import check_choice
from webshop_server.allowed_types import check_flag, is_integer

PROMPT_VERSION = 1
STYLES = ("hiper", "plan-execute", "react")

_WORLDS = {
    "alfworld": (
        "You act in a household that is described in text. Each turn you give one command and read what happens. "
        "Things carry a class and a number, such as 'mug 2'. Closed furniture hides what is inside until you open it. "
        "You can carry one thing at a time."
    ),
    "webshop": (
        "You shop on a website that is described in text. Find a product that fits the instruction, choose the options "
        "it asks for, and buy it. Each turn you give one command: search[words] looks for products, click[text] "
        "presses a button, opens a product or chooses an option. Buying ends the task."
    ),
}
_FORMATS = {
    "hiper": (
        "Work under one subgoal at a time. First decide whether to KEEP the subgoal you work on or to SWITCH to a "
        "new one, then state the subgoal you now work on, then act. Answer with exactly:\n"
        "<switch>KEEP or SWITCH</switch><subgoal>the subgoal</subgoal><action>the command</action>"
    ),
    "plan-execute": (
        "Keep a short numbered plan in mind. The subgoal is the step of it that you are on: KEEP it until the step is "
        "done, then SWITCH to the next, changing the plan where it no longer holds. Answer with exactly:\n"
        "<switch>KEEP or SWITCH</switch><subgoal>step number: what it achieves</subgoal><action>the command</action>"
    ),
    "react": (
        "Think briefly about what you see and what to do next, then act. Answer with exactly:\n"
        "<think>your thought</think><action>the command</action>"
    ),
}
_SHORTENED_NOTE = "[Earlier turns left out: {}]"


@dataclass(frozen=True)
class PromptConfig:
    """How to write prompts.

    Attributes:
        style: "hiper", "plan-execute" or "react".
        lists_actions: Whether the admissible actions are listed.
        history_turns: How many past turns are shown; None for all of them.
        max_characters: Longest user message; the oldest turns go first, then the list of actions is cut, then the
            observation's end. None for no limit.
    """

    style: Literal["hiper", "plan-execute", "react"] = "hiper"
    lists_actions: bool = True
    history_turns: int | None = 10
    max_characters: int | None = 16_000

    def __post_init__(self) -> None:
        """Refuse what is not allowed."""
        check_choice(self.style, STYLES, "prompt style")
        for name in ("history_turns", "max_characters"):
            value = getattr(self, name)
            if value is not None and (not is_integer(value) or value < 0):
                raise ValueError(f"{name} must be None or a whole number from 0, got {value!r}")
        check_flag(self.lists_actions, "lists_actions")


class PastTurn(NamedTuple):
    """An observation and the reply to it."""

    observation: str
    reply: str


class Prompt(NamedTuple):
    """What the model reads.

    Attributes:
        system: The standing orders.
        user: Task, history, present observation, admissible actions.
        num_left_out: Past turns that are not shown.
        is_cut: Whether actions or the observation were cut to fit.
    """

    system: str
    user: str
    num_left_out: int
    is_cut: bool

    @property
    def text(self) -> str:
        """The prompt as one string."""
        return f"{self.system}\n\n{self.user}"

    @property
    def messages(self) -> list[dict[str, str]]:
        """The prompt in the form of chat messages."""
        return [{"role": "system", "content": self.system}, {"role": "user", "content": self.user}]


def write_prompt(
    observation: str, info: Mapping[str, Any], history: Sequence[PastTurn] = (), config: PromptConfig | None = None
) -> Prompt:
    """Write the prompt for the present turn.

    Args:
        observation: The present observation.
        info: The environment's info: `instruction`, `admissible_actions`, and under `SubgoalWrapper` `segment`.
        history: Past turns, oldest first.
        config: How to write it.

    Returns:
        The prompt; it says what was left out of it.
    """
    config = config or PromptConfig()
    world = "webshop" if "has_search_bar" in info else "alfworld"
    first_shown = 0 if config.history_turns is None else max(0, len(history) - config.history_turns)
    shown = list(history[first_shown:])
    actions = list(info.get("admissible_actions", ())) if config.lists_actions else []
    head = f"Task: {info['instruction']}"
    subgoal = (info.get("segment") or {}).get("subgoal", "")
    present = f"Your subgoal so far: {subgoal}\n" if subgoal and config.style != "react" else ""
    parts = _Parts(head, shown, first_shown, present, observation, actions)
    user, is_cut = parts.fit(config.max_characters)
    return Prompt(f"{_WORLDS[world]}\n\n{_FORMATS[config.style]}", user, parts.num_left_out, is_cut)


class _Parts:
    """The pieces of a user message, shortened from the oldest turn on until they fit."""

    def __init__(
        self, head: str, turns: list[PastTurn], num_left_out: int, present: str, observation: str, actions: list[str]
    ) -> None:
        self.head, self.present, self.observation = head, present, observation
        self.turns, self.num_left_out = turns, num_left_out
        self.actions, self.num_actions = actions, len(actions)

    def fit(self, max_characters: int | None) -> tuple[str, bool]:
        """Return the message and whether more than past turns had to go."""
        text = self._write()
        if max_characters is None:
            return text, False
        while len(text) > max_characters and self.turns:
            self.turns.pop(0)
            self.num_left_out += 1
            text = self._write()
        is_cut = len(text) > max_characters
        while len(text) > max_characters and self.actions:
            self.actions = self.actions[: len(self.actions) // 2]
            text = self._write()
        if len(text) > max_characters:
            keep = max(0, len(self.observation) - (len(text) - max_characters) - 2)
            self.observation = self.observation[:keep] + " …"
            text = self._write()[:max_characters]
        return text, is_cut

    def _write(self) -> str:
        pieces = [self.head]
        if self.num_left_out:
            pieces.append(_SHORTENED_NOTE.format(self.num_left_out))
        pieces += [f"You saw: {turn.observation}\nYou answered: {turn.reply}" for turn in self.turns]
        pieces.append(f"{self.present}You see: {self.observation}")
        if self.num_actions:
            more = self.num_actions - len(self.actions)
            listed = "\n".join(self.actions) + (f"\n[{more} more not listed]" if more else "")
            pieces.append(f"You can do:\n{listed}")
        return "\n\n".join(pieces)
