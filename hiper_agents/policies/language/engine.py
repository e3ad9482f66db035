"""Drawing replies to many growing texts at once, no token read twice."""

import itertools
from collections.abc import Sequence
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hiper_agents.policies.language.attention import attention_over_rows, read_line
from hiper_agents.policies.language.cache import RowCache
from hiper_agents.policies.language.decoding import Guide, Spelling, dictate, make_guide
from hiper_agents.policies.language.draft import Draft, Drawn, Look, Text, pack
from hiper_agents.policies.language.guessing import Guesser
from hiper_agents.policies.language.marking import Marking
from hiper_agents.policies.language.model import LanguageModel, ModelError
from hiper_agents.policies.language.network import LanguageNetwork
from hiper_agents.policies.language.row_check import check_rows
from hiper_agents.policies.language.sampling import Chance, choose_tokens
from webshop_server.allowed_types import check_integer, check_number

__all__ = ["Drawn", "Engine", "LocalEngine", "Text"]

MAX_ROWS = 256
MAX_TOKENS_AT_ONCE = 4096
"""How many tokens go through the model side by side at most; more take more memory and no less time."""


class Engine(Protocol):
    """What draws replies."""

    def draw(
        self,
        texts: Sequence[Text],
        admissible: Sequence[Sequence[str]],
        *,
        rng: Chance | None,
        temperature: float,
        max_tokens: int,
        opens: Sequence[bool] | None = None,
    ) -> list[Drawn]:
        """Draw a reply to each text, and append its tokens to it.

        Args:
            texts: Each once.
            admissible: The actions that each could take.
            rng: Where chance comes from; None takes the likeliest tokens.
            temperature: Divides the scores before each draw; 0 takes the likeliest token.
            max_tokens: The longest draft.
            opens: Where a segment has to open, so that there is no KEEP to choose; None for nowhere. Not heeded by
                free decoding.
        """

    def forget(self, text: Text) -> None:
        """Give up what is kept of a text."""


class LocalEngine:
    """Draws from a network in this process, and keeps keys and values of the texts that it has read.

    A step of training is noticed, and what was kept by the weights before is given up.

    Args:
        network: What is drawn from.
        tokenizer: Its own.
        decoding: "free", "format" or "admissible", see `decoding`.
        has_subgoals: Whether replies hold a switch and a subgoal.
        max_rows: How many texts are kept; then those go that were not drawn from for longest.

    Attributes:
        num_read: Tokens that went through the model so far, without wrong guesses, see `Guesser`.

    Raises:
        ModelError: The model cannot be read row by row.
        ValueError: There is no such decoding.
    """

    def __init__(
        self,
        network: LanguageNetwork,
        tokenizer: Any,
        decoding: str = "free",
        has_subgoals: bool = True,
        max_rows: int = MAX_ROWS,
    ) -> None:
        self.network = network
        self.spelling = Spelling(tokenizer, LanguageModel("", network.model, tokenizer).end_ids)
        self.max_rows = check_integer(max_rows, "max_rows", 1)
        self._marking = Marking(tokenizer)
        check_rows(network)
        self.num_read = 0
        self._begin = make_guide(decoding, self.spelling, has_subgoals)
        self.clear()

    def clear(self) -> None:
        """Give up all that is kept, as after weights were exchanged."""
        self._empty_cache()
        self._rows: WeakKeyDictionary[Text, int] = WeakKeyDictionary()
        self._guesser = Guesser()
        self._sample = self.network.sample_weights()

    def _empty_cache(self) -> None:
        self._cache = RowCache(self.network.device, self.network.max_positions)

    @property
    def num_bytes(self) -> int:
        """How much memory the keys and values take that are kept."""
        return self._cache.num_bytes

    def forget(self, text: Text) -> None:
        """Give up what is kept of a text; done by itself where nobody holds the text any more."""
        self._rows.pop(text, None)
        if not self._rows:
            self._empty_cache()

    def draw(
        self,
        texts: Sequence[Text],
        admissible: Sequence[Sequence[str]],
        *,
        rng: Chance | None,
        temperature: float,
        max_tokens: int,
        opens: Sequence[bool] | None = None,
    ) -> list[Drawn]:
        """Draw a reply to each text, and append its tokens to it; whatever stops that, no text is changed.

        Args:
            texts: As `Engine` says.
            admissible: As `Engine` says.
            rng: As `Engine` says.
            temperature: As `Engine` says.
            max_tokens: As `Engine` says.
            opens: As `Engine` says.

        Raises:
            ModelError: A text fills what the model can look back on, or the weights are no numbers.
            ValueError: A text is empty or comes twice, or there are not as many lists of actions as texts.
        """
        check_integer(max_tokens, "max_tokens", 1)
        check_number(temperature, "temperature", 0, 100)
        opens = [False] * len(texts) if opens is None else opens
        if not len(texts) == len(admissible) == len(opens) == len(set(map(id, texts))):
            raise ValueError("draw from each text once, with one list of admissible actions and one flag each")
        for text in texts:
            self._check_length(text)
        if self._sample != self.network.sample_weights():
            self.clear()
        if not self._rows:
            self._empty_cache()
        if not any(text in self._rows for text in texts):  # whatever was drawn before, the same is computed now
            self._guesser = Guesser()
        odds = None if rng is None or temperature == 0 else rng.random((len(texts), max_tokens))
        drawn: list[Drawn] = []
        for start in range(0, len(texts), self.max_rows):
            part = slice(start, start + self.max_rows)
            guides = [self._begin(*each) for each in zip(admissible[part], opens[part], strict=True)]
            drafts = self._begin_drafts(texts[part], guides, max_tokens)
            drawn += self._finish_drafts(drafts, None if odds is None else odds[part], temperature)
        return drawn

    def read(self, texts: Sequence[Text], replies: Sequence[Sequence[int]]) -> list[Drawn]:
        """Append replies that were drawn elsewhere to texts, and return them with their values.

        Args:
            texts: Each once.
            replies: The tokens of each one's.

        Raises:
            ModelError: A text fills what the model can look back on.
        """
        for text in texts:
            self._check_length(text)
        if self._sample != self.network.sample_weights():
            self.clear()
        drawn: list[Drawn] = []
        for start in range(0, len(texts), self.max_rows):
            part = slice(start, start + self.max_rows)
            longest = max(1, *map(len, replies[part]))
            drafts = self._begin_drafts(texts[part], [dictate(reply) for reply in replies[part]], longest)
            drawn += self._finish_drafts(drafts, None, 1.0)
        return drawn

    def _check_length(self, text: Text) -> None:
        limit = self.network.max_positions
        if not text.ids:
            raise ValueError("there is no token to go on from: a text needs one at least")
        if limit is not None and len(text.ids) >= limit:
            raise ModelError(
                f"a text of {len(text.ids)} tokens leaves no room for a reply within the {limit} that the model can"
                " look back on: start over with a shorter one"
            )

    def _begin_drafts(self, texts: Sequence[Text], guides: Sequence[Guide], max_tokens: int) -> list[Draft]:
        self._assign_rows(texts)
        limit = self.network.max_positions
        drafts = []
        for text, guide in zip(texts, guides, strict=True):
            row = self._rows[text]
            self._cache.lengths[row] = num_known = min(self._cache.lengths[row], len(text.ids) - 1)
            room = max_tokens if limit is None else min(max_tokens, limit - len(text.ids))
            drafts.append(Draft(text, row, num_known, guide, self.spelling, room))
        return drafts

    def _assign_rows(self, texts: Sequence[Text]) -> None:
        """Give each text a row; the order of `_rows` is that of use."""
        kept = {text: self._rows.pop(text) for text in texts if text in self._rows}
        for text in list(self._rows)[: max(0, len(self._rows) + len(texts) - self.max_rows)]:
            del self._rows[text]
        taken = {*self._rows.values(), *kept.values()}
        free = (row for row in range(self.max_rows) if row not in taken)
        new = {text: next(free) for text in texts if text not in kept}
        for row in new.values():
            self._cache.empty_row(row)
        for text in texts:
            self._rows[text] = kept[text] if text in kept else new[text]

    def _finish_drafts(
        self, drafts: Sequence[Draft], odds: npt.NDArray[np.float64] | None, temperature: float
    ) -> list[Drawn]:
        was_training = self.network.training
        self.network.eval()
        try:
            with torch.inference_mode(), attention_over_rows(self.network.model):
                self._write(drafts, odds, temperature)
            return [draft.tell() for draft in drafts]
        except BaseException:
            for draft in drafts:
                del draft.text.ids[draft.start :]
            self.clear()
            raise
        finally:
            self.network.train(was_training)

    def _write(self, drafts: Sequence[Draft], odds: npt.NDArray[np.float64] | None, temperature: float) -> None:
        numbers = {draft: number for number, draft in enumerate(drafts)}
        open_drafts = sorted(drafts, key=lambda draft: draft.row)
        while open_drafts:
            looks = self._read(open_drafts)
            waiting = [look for look in looks if look.draft.finish is None]
            while waiting:
                scores = self.network.score(torch.stack([look.hidden[look.num_right] for look in waiting]))
                cells = [numbers[look.draft] for look in waiting], [len(look.draft.logs) for look in waiting]
                allowed = [look.draft.allowed for look in waiting]
                chosen = choose_tokens(scores, allowed, None if odds is None else odds[cells], temperature)
                for look, token, log in zip(waiting, *chosen, strict=True):
                    look.draft.take(token, log)
                waiting = [look for look in waiting if look.goes_on()]
            for look in looks:
                self._keep(look)
            open_drafts = [draft for draft in open_drafts if self._is_open(draft)]
        for draft in drafts:
            self._guesser.learn(draft.text.ids[draft.start - 1], draft.text.ids[draft.start :])

    def _is_open(self, draft: Draft) -> bool:
        """Return whether a draft lacks tokens, or a value of a place that was not read yet."""
        return draft.finish is None or draft.low_at >= self._cache.lengths[draft.row]

    def _keep(self, look: Look) -> None:
        """Keep what was read of a text and of the guesses that are right; what follows is overwritten later."""
        draft, num_kept = look.draft, look.end + look.num_right - look.start
        self._cache.lengths[draft.row] = look.start + num_kept
        draft.values.append(look.values[:num_kept])
        self.num_read += num_kept

    def _read(self, drafts: Sequence[Draft]) -> list[Look]:
        """Read what is new of texts, in ascending rows, and what they probably go on with."""
        looks = []
        for draft in drafts:
            guesses = self._guesser.guess(draft.text.ids[-1], draft.room - 1) if draft.finish is None else []
            looks.append(Look(draft, self._cache.lengths[draft.row], guesses))
        widths = [len(look.ids) - look.start for look in looks]
        hiddens: list[list[Tensor]] = [[] for _ in looks]
        values: list[list[npt.NDArray[np.float32]]] = [[] for _ in looks]
        for batch in pack(widths, MAX_TOKENS_AT_ONCE):
            pieces = [
                (looks[number], looks[number].start + begin, looks[number].start + end) for number, begin, end in batch
            ]
            hidden = self._forward(pieces)
            valued = self.network.value(hidden).cpu().numpy()
            place = 0
            for number, begin, end in batch:
                hiddens[number].append(hidden[place : place + end - begin])
                values[number].append(valued[place : place + end - begin])
                place += end - begin
        for look, parts, told in zip(looks, hiddens, values, strict=True):
            look.hidden = torch.cat(parts)[look.end - 1 - look.start :]
            look.values = np.concatenate(told)
        return looks

    def _forward(self, pieces: Sequence[tuple[Look, int, int]]) -> Tensor:
        """Read pieces of texts, T tokens in all; return their hidden states, shape [T, hidden]."""
        rows, widths = [look.draft.row for look, _, _ in pieces], [end - begin for _, begin, end in pieces]
        line = [token for look, begin, end in pieces for token in look.ids[begin:end]]
        marked = before = None
        if self.network.marks is not None:
            marked = [
                flag
                for look, begin, end in pieces
                for flag in self._marking.mark(look.ids, begin, end, look.draft.text.marked_ids)
            ]
            starts = itertools.accumulate(widths, initial=0)
            before = [self.network.pad_id, *line[:-1]]
            for start, (look, begin, _) in zip(starts, pieces, strict=False):
                before[start] = look.ids[begin - 1] if begin else self.network.pad_id
        return read_line(self.network, self._cache, rows, widths, line, marked, before)
