"""Prompts that a language model acts on, versioned.

Three styles for either world: "hiper" asks for switch, subgoal and action in one reply, "plan-execute" asks for a
numbered plan's current step as the subgoal, "react" asks for a thought and an action only. All are answered in the tags
that `hiper_envs.reply` reads.

Version 2 is a conversation: each turn adds the model's reply and a message with what came of it, and nothing that was
sent is written anew, so that an endpoint reads what is new and finds the rest in its cache. Version 1 writes task,
history, observation and actions into one message, anew each turn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from webshop_server.allowed_names import check_choice
from webshop_server.allowed_types import check_flag, is_integer

PROMPT_VERSION: Literal[2] = 2
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
_NO_REPLY = "[no reply]"
"""What stands for an empty reply, which endpoints refuse as a message."""


@dataclass(frozen=True)
class PromptConfig:
    """How to write prompts.

    Attributes:
        style: "hiper", "plan-execute" or "react".
        lists_actions: Whether the admissible actions are listed, each turn's with its observation.
        history_turns: How many past turns are shown at most; None for all of them.
        max_characters: Longest prompt without its standing orders; the oldest turns go first, then the list of actions
            is cut, then the observation's end. None for no limit.
        version: 2 for a conversation, 1 for all in one message; version 1 used to show 10 turns and 16,000 characters.
    """

    style: Literal["hiper", "plan-execute", "react"] = "hiper"
    lists_actions: bool = True
    history_turns: int | None = None
    max_characters: int | None = 64_000
    version: Literal[1, 2] = PROMPT_VERSION

    def __post_init__(self) -> None:
        """Refuse what is not allowed."""
        check_choice(self.style, STYLES, "prompt style")
        for name in ("history_turns", "max_characters"):
            value = getattr(self, name)
            if value is not None and (not is_integer(value) or value < 0):
                raise ValueError(f"{name} must be None or a whole number from 0, got {value!r}")
        check_flag(self.lists_actions, "lists_actions")
        if self.version not in (1, PROMPT_VERSION):
            raise ValueError(f"the version of prompts is 1 or {PROMPT_VERSION}, got {self.version!r}")


class PastTurn(NamedTuple):
    """An observation, or the message that showed it, and the reply to it."""

    observation: str
    reply: str


class Prompt(NamedTuple):
    """What the model reads.

    Attributes:
        system: The standing orders.
        user: The newest message; in version 1 task and history, in both the observation and admissible actions.
        num_left_out: Past turns that are not shown.
        is_cut: Whether actions or the observation were cut to fit.
        past: Messages before it and the replies to them, in version 2.
    """

    system: str
    user: str
    num_left_out: int
    is_cut: bool
    past: tuple[PastTurn, ...] = ()

    @property
    def text(self) -> str:
        """The prompt as one string."""
        return "\n\n".join(message["content"] for message in self.messages)

    @property
    def messages(self) -> list[dict[str, str]]:
        """The prompt in the form of chat messages."""
        messages = [{"role": "system", "content": self.system}]
        for turn in self.past:
            messages += [
                {"role": "user", "content": turn.observation},
                {"role": "assistant", "content": turn.reply},
            ]
        return [*messages, {"role": "user", "content": self.user}]


def write_prompt(
    observation: str, info: Mapping[str, Any], history: Sequence[PastTurn] = (), config: PromptConfig | None = None
) -> Prompt:
    """Write a prompt by itself, with all in one message: version 1, whatever `config.version` says.

    Args:
        observation: The present observation.
        info: The environment's info: `instruction`, `admissible_actions`, and under `SubgoalWrapper` `segment`.
        history: Past turns, oldest first.
        config: How to write it.

    Returns:
        The prompt; it says what was left out of it.
    """
    config = config or PromptConfig()
    num_left_out = 0 if config.history_turns is None else max(0, len(history) - config.history_turns)
    present = _Present(observation, info, config)
    room = config.max_characters

    def write_past() -> str:
        shown = (f"You saw: {turn.observation}\nYou answered: {turn.reply}\n\n" for turn in history[num_left_out:])
        return _open(info, num_left_out) + "".join(shown)

    past = write_past()
    while room is not None and num_left_out < len(history) and len(past) + len(present.text) > room:
        num_left_out += 1
        past = write_past()
    text, is_cut = present.fit(room, past)
    return Prompt(_write_orders(info, config), text, num_left_out, is_cut)


class Conversation:
    """The prompts of one episode, each of which begins with the one before.

    When they no longer fit, the older half of the past turns goes at once, so that the rest stays the same for many
    turns again; the first message that is shown then says how many were left out.

    Args:
        config: How to write them; version 1 writes each anew.
    """

    def __init__(self, config: PromptConfig | None = None) -> None:
        self.config = config or PromptConfig()
        self._past: list[PastTurn] = []
        self._num_left_out = 0
        self._asked: str | None = None

    def ask(self, observation: str, info: Mapping[str, Any]) -> Prompt:
        """Write the prompt for an observation.

        Args:
            observation: The present observation.
            info: The environment's info, as for `write_prompt`.
        """
        if self.config.version == 1:
            self._asked = observation
            return write_prompt(observation, info, self._past, self.config)
        present = _Present(observation, info, self.config)
        while self._past and self._is_too_long(len(present.text)):
            self._drop_half(info)
        opening = "" if self._past else _open(info, self._num_left_out)
        self._asked, is_cut = present.fit(None if self._past else self.config.max_characters, opening)
        return Prompt(_write_orders(info, self.config), self._asked, self._num_left_out, is_cut, tuple(self._past))

    def answer(self, reply: str) -> None:
        """Take the model's reply to the last prompt.

        Raises:
            RuntimeError: There is no prompt that waits for one.
        """
        if self._asked is None:
            raise RuntimeError("there is no prompt to answer: call ask(observation, info) before each answer(reply)")
        is_sent = self.config.version == 1 or reply.strip()
        self._past.append(PastTurn(self._asked, reply if is_sent else _NO_REPLY))
        self._asked = None

    def _is_too_long(self, num_characters: int) -> bool:
        num_past = sum(len(turn.observation) + len(turn.reply) for turn in self._past)
        limits = ((len(self._past), self.config.history_turns), (num_past + num_characters, self.config.max_characters))
        return any(limit is not None and size > limit for size, limit in limits)

    def _drop_half(self, info: Mapping[str, Any]) -> None:
        num_dropped = (len(self._past) + 1) // 2
        self._num_left_out += num_dropped
        self._past = self._past[num_dropped:]
        if self._past:
            message = _open(info, self._num_left_out) + self._past[0].observation
            self._past[0] = PastTurn(message, self._past[0].reply)


def _write_orders(info: Mapping[str, Any], config: PromptConfig) -> str:
    world = "webshop" if "has_search_bar" in info else "alfworld"
    return f"{_WORLDS[world]}\n\n{_FORMATS[config.style]}"


def _open(info: Mapping[str, Any], num_left_out: int) -> str:
    """Write what stands before the first turn that is shown."""
    note = f"{_SHORTENED_NOTE.format(num_left_out)}\n\n" if num_left_out else ""
    return f"Task: {info['instruction']}\n\n{note}"


class _Present:
    """What the model is to answer: subgoal so far, observation, admissible actions; cut until it fits."""

    def __init__(self, observation: str, info: Mapping[str, Any], config: PromptConfig) -> None:
        subgoal = (info.get("segment") or {}).get("subgoal", "")
        self._subgoal = f"Your subgoal so far: {subgoal}\n" if subgoal and config.style != "react" else ""
        self._observation = observation
        self._actions = list(info.get("admissible_actions", ())) if config.lists_actions else []
        self._num_actions = len(self._actions)
        self.text = self._write()

    def fit(self, room: int | None, before: str) -> tuple[str, bool]:
        """Return it behind some text, in at most `room` characters, and whether it had to be cut."""
        is_cut = room is not None and len(before) + len(self.text) > room
        if room is None or not is_cut:
            return before + self.text, False
        while len(before) + len(self.text) > room and self._actions:
            self._actions = self._actions[: len(self._actions) // 2]
            self.text = self._write()
        excess = len(before) + len(self.text) - room
        if excess > 0:
            self._observation = self._observation[: max(0, len(self._observation) - excess - 2)] + " …"
            self.text = self._write()
        return (before + self.text)[:room], True

    def _write(self) -> str:
        text = f"{self._subgoal}You see: {self._observation}"
        if not self._num_actions:
            return text
        more = self._num_actions - len(self._actions)
        note = f"\n[{more} more not listed]" if more else ""
        return f"{text}\n\nYou can do:\n" + "\n".join(self._actions) + note
