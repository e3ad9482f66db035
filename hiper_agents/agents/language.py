"""A local causal language model as an agent: any that transformers loads, prompted or trained."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from hiper_agents.policies.language.chat_layout import Shield, write_messages
from hiper_agents.policies.language.credit import locate_tokens
from hiper_agents.policies.language.model import LanguageModel, load_language_model
from hiper_agents.policies.language.reader import Drawn, Reader
from hiper_envs.episodes.record import Usage
from hiper_envs.plain_text import make_plain
from hiper_envs.prompts import Conversation, PromptConfig
from hiper_envs.reply import Span, parse_reply
from webshop_server.allowed_types import check_integer, check_number

END_OF_ACTION = "</action>"


class LanguageAgent:
    """Plays by drawing each reply from a model on this machine; no endpoint, no network.

    The prompt is a conversation that only grows: the tokens of what was said before stay as they were read and drawn,
    and none goes through the model twice. A reply ends where the model ends it, or with its action.

    Args:
        source: A folder that transformers saved, a name on the hub, or a model that is loaded already.
        prompt: How prompts are written; its style decides between HiPER, plan-execute and ReAct.
        temperature: Divides the scores before each draw; 0 takes the likeliest token.
        max_reply_tokens: The longest reply.
        gguf_file: Name of the GGUF file, see `load_language_model`.
        dtype: Numbers that the weights are held in: "float32", "bfloat16" or "float16".
        device: Where the model is: "cpu", "cuda", ...
        ignores_case: Whether the agent's actions are played without regard to case, see `SubgoalWrapper`.

    Attributes:
        usage: Tokens and finish reason of the last reply.
        drawn: Ids and log-probabilities of the last reply's tokens.
        spans: Where each of them stands in the reply; see `credit_tokens` for which choice each belongs to.

    Raises:
        ModelError: The model cannot be had.
    """

    def __init__(
        self,
        source: str | Path | LanguageModel,
        *,
        prompt: PromptConfig | None = None,
        temperature: float = 0.4,
        max_reply_tokens: int = 256,
        gguf_file: str | None = None,
        dtype: str = "float32",
        device: str = "cpu",
        ignores_case: bool = True,
    ) -> None:
        self.temperature = check_number(temperature, "temperature", 0, 100)
        self.max_reply_tokens = check_integer(max_reply_tokens, "max_reply_tokens", 1)
        if not isinstance(source, LanguageModel):
            source = load_language_model(source, gguf_file=gguf_file, dtype=dtype, device=device)
        self.language = source
        self._shield = Shield(source.tokenizer)
        self.prompt = prompt or PromptConfig()
        self.ignores_case = ignores_case
        self.reset(0)

    @property
    def card(self) -> dict[str, str | int | float | bool | None]:
        """What plays, for the header of a run."""
        return {
            "model": Path(self.language.name).name,
            "parameters": sum(weights.numel() for weights in self.language.model.parameters()),
            "dtype": str(self.language.model.dtype).removeprefix("torch."),
            "prompt_style": self.prompt.style,
            "prompt_version": self.prompt.version,
            "lists_actions": self.prompt.lists_actions,
            "max_characters": self.prompt.max_characters,
            "temperature": self.temperature,
            "max_reply_tokens": self.max_reply_tokens,
            "ignores_case": self.ignores_case,
        }

    def reset(self, seed: int) -> None:
        """Forget the last episode; the same seed draws the same replies to the same texts."""
        self.usage: Usage | None = None
        self.drawn: Drawn | None = None
        self.spans: list[Span] = []
        self._generator = torch.Generator().manual_seed(seed)
        self._conversation = Conversation(self.prompt)
        self._reader = Reader(self.language)
        self._text, self._ids = "", list[int]()

    def act(self, observation: str, info: Mapping[str, Any]) -> str:
        """Draw the reply to an observation.

        Raises:
            ModelError: The prompt is longer than the model can look back on.
        """
        prompt = self._conversation.ask(self._shield(observation), self._shield.cover(info))
        self._extend(write_messages(self.language.tokenizer, prompt.messages))
        self.drawn = self._reader.draw(
            self._ids,
            max_tokens=self.max_reply_tokens,
            temperature=self.temperature,
            generator=self._generator,
            is_complete=self._has_action,
        )
        self.usage = Usage(len(self._ids), len(self.drawn.ids), None, self.drawn.finish_reason)
        self.spans = locate_tokens(self.language.tokenizer, self.drawn.ids)
        reply = self._decode(self.drawn.ids)
        self._ids += self.drawn.ids
        self._text += reply
        self._conversation.answer(make_plain(reply))
        return reply

    def _extend(self, text: str) -> None:
        """Go on to a longer text: only what is new is encoded, so that drawn tokens stay as they were drawn."""
        known = len(self._text) if text.startswith(self._text) else 0
        ids = self.language.tokenizer.encode(text[known:], add_special_tokens=False)
        self._ids = [*(self._ids if known else ()), *ids]
        self._text = text

    def _has_action(self, ids: Sequence[int]) -> bool:
        reply = self._decode(ids)
        return reply.rstrip().endswith(END_OF_ACTION) and bool(parse_reply(reply).action)

    def _decode(self, ids: Sequence[int]) -> str:
        text: str = self.language.tokenizer.decode(list(ids), clean_up_tokenization_spaces=False)
        return text
