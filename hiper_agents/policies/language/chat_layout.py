"""The chat layout: an episode as a conversation in the model's own template, for models that were trained to chat.

What a world says must not close its message and open another. Where it holds one of the tokenizer's special tokens
(`<|im_end|>`), or the line of a role in the plain template, a zero-width space stands behind the first character.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hiper_agents.policies.language.compact_layout import holds_mark
from hiper_agents.policies.language.model import PLAIN_TEMPLATE
from hiper_envs.plain_text import make_plain
from hiper_envs.prompts import Conversation, PromptConfig
from hiper_envs.reply import parse_reply, write_reply

_BREAK = "\u200b"
_ROLES = r"^(?:SYSTEM|USER|ASSISTANT):"
_STYLES_WITH_SUBGOALS = ("hiper", "plan-execute")


def write_messages(tokenizer: Any, messages: list[dict[str, str]]) -> str:
    """Return chat messages as a model's chat template writes them, up to where its reply begins.

    A model without a template gets `PLAIN_TEMPLATE`; one whose template knows no system message gets it in the first
    user's message.
    """
    from jinja2 import TemplateError

    def write(shown: list[dict[str, str]]) -> str:
        template = None if tokenizer.chat_template else PLAIN_TEMPLATE
        text: str = tokenizer.apply_chat_template(
            shown, tokenize=False, add_generation_prompt=True, chat_template=template
        )
        return text

    try:
        return write(messages)
    except TemplateError:
        orders, first, *others = messages
        return write([{**first, "content": f"{orders['content']}\n\n{first['content']}"}, *others])


class Shield:
    """Keeps what a world says from being read as part of the template.

    Args:
        tokenizer: The model's. Templates that tell roles by words alone are known only if it is `PLAIN_TEMPLATE`.
    """

    def __init__(self, tokenizer: Any) -> None:
        special = {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}
        special.update(tokenizer.all_special_tokens)
        patterns = [re.escape(token) for token in sorted(special, key=len, reverse=True) if len(token) > 1]
        patterns += [] if tokenizer.chat_template else [_ROLES]
        self._pattern = re.compile("|".join(patterns) or r"(?!)", re.IGNORECASE | re.MULTILINE)

    def __call__(self, text: str) -> str:
        """Return a text in which nothing of the template stands; all that can be seen of it is as it was."""
        return self._pattern.sub(lambda found: found[0][0] + _BREAK + found[0][1:], make_plain(text))

    def cover(self, info: Mapping[str, Any]) -> dict[str, Any]:
        """Return what came with an observation with its instruction and admissible actions made harmless."""
        actions = [self(action) for action in info.get("admissible_actions") or ()]
        return {**info, "instruction": self(str(info["instruction"])), "admissible_actions": actions}


def choose_prompt(has_subgoals: bool, lists_actions: bool = True) -> PromptConfig:
    """Return how prompts are written for an agent: in the style "hiper", or "react" for a flat one."""
    return PromptConfig(style="hiper" if has_subgoals else "react", lists_actions=lists_actions)


class ChatScript:
    """Writes one episode as a conversation, see `hiper_envs.prompts`.

    A reply is what stands before the token that ends it; that token may be among those drawn.

    Args:
        tokenizer: The model's.
        world: "alfworld", "webshop" or "plain".
        has_subgoals: False for a flat agent.
        prompt: How prompts are written; None as `choose_prompt` says.

    Attributes:
        marked: "": a big model needs no marks.

    Raises:
        ValueError: The prompt's style asks for subgoals and the agent has none, or the other way round.
    """

    def __init__(self, tokenizer: Any, world: str, has_subgoals: bool, prompt: PromptConfig | None = None) -> None:
        self.prompt = prompt or choose_prompt(has_subgoals)
        if (self.prompt.style in _STYLES_WITH_SUBGOALS) != has_subgoals:
            allowed = " or ".join(map(repr, _STYLES_WITH_SUBGOALS)) if has_subgoals else "'react'"
            raise ValueError(
                f"the prompt's style {self.prompt.style!r} is for an agent {'without' if has_subgoals else 'with'}"
                f" subgoals: take style={allowed}"
            )
        self.marked = ""
        self.has_subgoals = has_subgoals
        self._tokenizer = tokenizer
        self._shield = Shield(tokenizer)
        # The prompt's orders tell the worlds apart by this.
        self._facts = {"has_search_bar": False} if world == "webshop" else {}

    def open(self, observation: str, info: Mapping[str, Any], left_out: Sequence[str] = ()) -> str:
        """Return the text up to where the first reply begins; see `Script`.

        Args:
            observation: The first observation.
            info: What came with it.
            left_out: What was observed before; not read, for the text has the whole instruction.
        """
        self._instruction = info["instruction"]
        self._conversation = Conversation(self.prompt)
        self._subgoal: str | None = None
        self._text = self._ask(observation, info["admissible_actions"])
        return self._text

    def go_on(self, reply: str, observation: str, admissible: Sequence[str]) -> str | None:
        """Return the text from the end of a reply to where the next begins; see `Script`.

        Args:
            reply: What was said.
            observation: What came of it.
            admissible: The actions that are admissible now.
        """
        said = make_plain(reply.removesuffix(self._tokenizer.eos_token or ""))
        parsed = parse_reply(said)
        if parsed.switches or self._subgoal is None:
            self._subgoal = parsed.subgoal
        self._conversation.answer(said)
        before = self._text + reply
        self._text = self._ask(observation, admissible)
        return self._text[len(before) :] if self._text.startswith(before) else None

    def reopen(self) -> str:
        """Return the whole text, up to where the next reply begins."""
        return self._text

    def write_reply(self, action: str, subgoal: str, switches: bool, is_open: bool) -> str:
        """Write a reply as it is to be learnt, a kept subgoal again as the prompt asks; see `Script`.

        Args:
            action: The primitive action.
            subgoal: The subgoal that holds from this turn on.
            switches: Whether a new segment is declared.
            is_open: Whether a segment is open already; the first turn opens one in any case.
        """
        if not self.has_subgoals:
            return f"<action>{action}</action>"
        return write_reply(action, subgoal, switches or not is_open)

    def list_actions(self, admissible: Sequence[str]) -> list[str]:
        """Return the actions that the model can say, of those that are admissible."""
        return [action for action in admissible if self._shield(action) == action and not holds_mark(action)]

    def _ask(self, observation: str, admissible: Sequence[str]) -> str:
        info = {"instruction": self._instruction, "admissible_actions": admissible, **self._facts}
        shown = {**self._shield.cover(info), "segment": {"subgoal": self._subgoal or ""}}
        return write_messages(self._tokenizer, self._conversation.ask(self._shield(observation), shown).messages)
