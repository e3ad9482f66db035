"""A causal language model as a policy: its reply's tokens are the choices, credited to switch, subgoal and action."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from hiper_agents.policies.language.batch import LanguageBatch, make_batch, read_pages, score_tokens
from hiper_agents.policies.language.chat_layout import choose_prompt
from hiper_agents.policies.language.config import POLICY, LanguageConfig, list_kept
from hiper_agents.policies.language.credit import credit_tokens, locate_tokens
from hiper_agents.policies.language.decision import LanguageDecision, Lesson
from hiper_agents.policies.language.decoding import Spelling
from hiper_agents.policies.language.engine import Drawn, Engine, LocalEngine, Text
from hiper_agents.policies.language.layout import Script, make_script
from hiper_agents.policies.language.memory import LanguageMemory
from hiper_agents.policies.language.network import LanguageNetwork, save_network
from hiper_agents.policies.language.sampling import ApartChance
from hiper_agents.policies.policy import Kind, Rows, Units
from hiper_envs.reply import Reply, parse_reply


class LanguagePolicy:
    """Decides by drawing replies from a causal language model, token by token.

    `draws_apart` tells that each episode may have a generator of its own; `forget` wants to hear when one is over.

    Args:
        network: The model with its value heads.
        tokenizer: Its tokenizer.
        config: How texts are laid out and replies drawn.
        has_subgoals: False for a flat policy, whose replies are actions alone.
        engine: What draws; by default one on this machine, with the network itself.
    """

    draws_apart = True

    def __init__(
        self,
        network: LanguageNetwork,
        tokenizer: Any,
        config: LanguageConfig | None = None,
        has_subgoals: bool = True,
        engine: Engine | None = None,
    ) -> None:
        self.network, self.tokenizer = network, tokenizer
        self.config = config or LanguageConfig()
        self.has_subgoals = has_subgoals
        self._spelling = Spelling(tokenizer, frozenset())
        self._reader: LocalEngine | None = None
        self.engine = engine or LocalEngine(network, tokenizer, self.config.decoding, has_subgoals)

    def copy(self) -> LanguagePolicy:
        """Return the same policy with weights of its own, which nobody trains; those that stand still are shared."""
        shared = {id(each): each for each in self.network.parameters() if not each.requires_grad}
        network = copy.deepcopy(self.network, shared).requires_grad_(False)
        return LanguagePolicy(network, self.tokenizer, self.config, self.has_subgoals)

    def save(
        self,
        folder: Path,
        facts: dict[str, Any],
        weights: Mapping[str, Tensor] | None = None,
        dtype: str | None = None,
    ) -> None:
        """Save the policy as a folder that transformers opens too, adapters merged.

        Args:
            folder: Where to.
            facts: What else is to be known of it, such as its card.
            weights: What is saved instead of the network's own weights, by their names.
            dtype: Numbers that the model's weights are written in; None as they are.

        Raises:
            OSError: It cannot be written.
        """
        kept = list_kept(self.config, self.has_subgoals)
        save_network(folder, self.network, self.tokenizer, {**facts, POLICY: kept}, dtype, weights)

    @property
    def notes(self) -> list[str]:
        """What is to be told before the policy is trained, a sentence each."""
        is_plain = self.config.layout == "chat" and not self.tokenizer.chat_template
        return [f"{self.config.model} has no chat template: its messages are written by a plain one"] * is_plain

    def encode_text(self, text: str) -> list[int]:
        """Return a text's tokens, nothing added."""
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False)
        return ids

    def begin_text(self, text: str, marked: str) -> Text:
        """Return a new text.

        Args:
            text: Where it begins, up to where the first reply does.
            marked: Words whose tokens are marked wherever they stand.
        """
        ids = self.encode_text(text)
        begin = self.tokenizer.bos_token_id
        start = [] if begin is None or ids[:1] == [begin] else [begin]
        return Text([*start, *ids], frozenset(self.encode_text(marked) if self.network.marks is not None else ()))

    def open_memory(self, observation: str, info: Mapping[str, Any]) -> LanguageMemory:
        """Return the memory of an episode that begins with this observation."""
        return LanguageMemory(self, observation, info)

    def forget(self, memory: LanguageMemory) -> None:
        """Give up what is kept to go on with an episode, which is over."""
        self.engine.forget(memory.text)

    def make_script(self, world: str) -> Script:
        """Return what writes an episode of a world."""
        is_chat = self.config.layout == "chat"
        prompt = choose_prompt(self.has_subgoals, self.config.lists_actions) if is_chat else None
        return make_script(self.config.layout, world, self.has_subgoals, self.tokenizer, prompt)

    def has_room(self, text: Text) -> bool:
        """Return whether a text leaves room for the longest reply in what the model can look back on."""
        limit = self.network.max_positions
        return limit is None or len(text.ids) + self.config.max_reply_tokens <= limit

    def decide(
        self,
        memories: Sequence[LanguageMemory],
        rng: np.random.Generator | Sequence[np.random.Generator] | None = None,
        temperature: float = 1.0,
    ) -> list[LanguageDecision]:
        """Decide a turn of several episodes, see `Policy.decide`.

        Args:
            memories: Of the episodes.
            rng: Draws the tokens, one generator for all or one for each; None takes the likeliest ones.
            temperature: Of the draws.
        """
        starts = [len(memory.text.ids) for memory in memories]
        drawn = self.engine.draw(
            [memory.text for memory in memories],
            [memory.list_actions() for memory in memories],
            rng=ApartChance(rng) if isinstance(rng, Sequence) else rng,
            temperature=temperature,
            max_tokens=self.config.max_reply_tokens,
            opens=[memory.open_subgoal is None for memory in memories],
        )
        decisions = []
        for memory, start, each in zip(memories, starts, self._value(memories, starts, drawn), strict=True):
            decision = self._read(memory, start, each.ids)
            decision.log_old, decision.allowed = list(each.log_probabilities), list(each.allowed)
            decision.value_low, decision.value_switch, decision.value_high = (
                each.value_low,
                float(each.value_before[1]),
                float(each.value_before[2]),
            )
            decision.low_at, decision.finish_reason = each.low_at, each.finish_reason
            decisions.append(decision)
        return decisions

    def _value(
        self, memories: Sequence[LanguageMemory], starts: Sequence[int], drawn: Sequence[Drawn]
    ) -> Sequence[Drawn]:
        """Return replies with values, of those that were drawn by an engine that has none: see `ServerEngine`."""
        if not any(math.isnan(each.value_low) for each in drawn):
            return drawn
        if self._reader is None:
            self._reader = LocalEngine(self.network, self.tokenizer)
        for memory, start in zip(memories, starts, strict=True):
            del memory.text.ids[start:]
        read = self._reader.read([memory.text for memory in memories], [each.ids for each in drawn])
        return [
            each._replace(value_before=valued.value_before, value_low=valued.value_low)
            for each, valued in zip(drawn, read, strict=True)
        ]

    def imitate(self, memory: LanguageMemory, reply: Reply) -> LanguageDecision:
        """Return somebody else's turn as a decision, see `Policy.imitate`; its tokens join the text."""
        start = len(memory.text.ids)
        ids = self.encode_text(memory.write(reply))
        memory.text.ids.extend(ids)
        return self._read(memory, start, ids)

    def correct(self, memory: LanguageMemory, decision: LanguageDecision, wanted: Reply) -> LanguageDecision:
        """Return a decision from which another reply is learned, see `Policy.correct`.

        Up to the first token that departs from it, what was said is what was wanted; there, the wanted one is learned.

        Args:
            memory: Of the episode, before the turn is remembered.
            decision: What is done.
            wanted: What somebody else would have done.
        """
        ids = self.encode_text(memory.write(wanted))
        pairs = zip(ids, decision.ids, strict=False)
        end = next((number for number, (one, other) in enumerate(pairs) if one != other), len(decision.ids)) + 1
        lesson = Lesson(ids[:end], self._read(memory, decision.start, ids).kinds[:end])
        return replace(decision, lesson=lesson)

    def _read(self, memory: LanguageMemory, start: int, ids: Sequence[int]) -> LanguageDecision:
        """Return a reply that stands at the text's end as a decision, without probabilities and values."""
        text: str = self.tokenizer.decode(list(ids), clean_up_tokenization_spaces=False, skip_special_tokens=False)
        said = parse_reply(text)
        is_open = memory.open_subgoal is not None
        is_boundary = not is_open or said.switches
        can_switch = is_open and self.has_subgoals
        spans = locate_tokens(self.tokenizer, ids)
        closing = self._spelling.find_subgoal_end(ids)
        credited = credit_tokens(said, spans, is_boundary=is_boundary)
        owned = {"action", *(("switch",) if can_switch else ()), *(("subgoal",) if self.has_subgoals else ())}
        return LanguageDecision(
            text=memory.text,
            start=start,
            ids=tuple(ids),
            kinds=[kind if kind is not None and kind in owned else "format" for kind in credited],
            reply=text,
            subgoal=said.subgoal,
            is_boundary=is_boundary,
            can_switch=can_switch,
            low_at=start - 1 if closing is None or closing + 1 >= len(ids) else start + closing,
        )

    def divide(self, decisions: Sequence[LanguageDecision]) -> Units:
        """Return the turns of each text as a unit."""
        numbers: dict[int, int] = {}
        unit = np.array([numbers.setdefault(id(decision.text), len(numbers)) for decision in decisions])
        size = np.zeros(len(numbers), dtype=np.int64)
        np.maximum.at(size, unit, [decision.end for decision in decisions])
        return Units(unit, size)

    def encode(self, decisions: Sequence[LanguageDecision], *, learns_values_alone: bool = False) -> LanguageBatch:
        """Read the texts of some decisions, each once."""
        return make_batch(self.network, self.tokenizer, decisions, learns_values_alone)

    def score(self, batch: LanguageBatch, reference: LanguagePolicy | None = None) -> dict[Kind, Rows]:
        """Return a row for each token of the replies."""
        return score_tokens(batch, self.network, None if reference is None else reference.network)

    def read_pages(self, batch: LanguageBatch) -> Tensor:
        """Return the negative log-likelihood of what the world wrote, see `ReadsPages`."""
        return read_pages(batch, self.network)

    def values(self, batch: LanguageBatch) -> dict[Kind, Tensor]:
        """Return the values before each kind of choice, [turns]; a flat policy has those before actions alone."""
        low = self.network.value(batch.at_low)[:, 0]
        if not self.has_subgoals:
            return {"action": low}
        before = self.network.value(batch.at_start)
        return {"action": low, "switch": before[:, 1], "subgoal": before[:, 2]}
