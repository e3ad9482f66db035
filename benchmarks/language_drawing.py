"""Turns a second of drawing replies on one core: python benchmarks/language_drawing.py [--texts 64] [--turns 10 30].

A fake world of texts as long as compact ALFWorld's is played: 35 new tokens a turn, replies of about ten tokens. The
three decodings are compared with transformers' own `generate`, which reads every text again at each turn. Seconds are
those that the processor worked, so that what else runs beside does not count.
"""

import argparse
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from hiper_agents.policies.language.decoding import DECODINGS
from hiper_agents.policies.language.engine import LocalEngine, Text
from hiper_agents.policies.language.network import LanguageNetwork
from hiper_agents.policies.language.small import make_small_network

TAGS = ("<switch>", "KEEP", "SWITCH", "</switch><subgoal>", "</switch><subgoal></subgoal><action>")
TAGS += ("</subgoal><action>", "<action>", "</action>", "<|pad|>", "<|begin|>")
NUM_WORDS, FIRST_TOKENS, TURN_TOKENS, REPLY_TOKENS, NUM_ACTIONS = 700, 80, 35, 10, 25
console = Console(width=100)


class TalkativeNetwork(LanguageNetwork):
    """A network with random weights that keeps its subgoals at four turns of five and writes parts of four tokens."""

    leanings: Tensor

    def score(self, hidden: Tensor) -> Tensor:
        """Return scores that lean towards tags."""
        return super().score(hidden) + self.leanings


def make_tokenizer() -> Any:
    """Return a tokenizer whose words and tags are single tokens."""
    words = [f"w{number}" for number in range(NUM_WORDS)]
    vocabulary = {word: number for number, word in enumerate((*TAGS, *words))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="w0"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_tokens(list(TAGS))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="</action>", pad_token="<|pad|>", bos_token="<|begin|>"
    )


def make_network(tokenizer: Any) -> TalkativeNetwork:
    """Make a small network that does not lean towards anything yet."""
    network = make_small_network(tokenizer, 0)
    network.__class__ = TalkativeNetwork
    network.leanings = torch.zeros(len(tokenizer))
    return network


def lean(network: TalkativeNetwork, tokenizer: Any, is_free: bool) -> None:
    """Let a network close its parts; one that is to write freely writes no tags, and so to the limit of tokens."""
    if is_free:
        network.leanings[: len(TAGS)] = float("-inf")
        return
    for tag, odds in (("KEEP", 4), ("</subgoal><action>", NUM_WORDS / 4), ("</action>", NUM_WORDS / 4)):
        network.leanings[tokenizer.convert_tokens_to_ids(tag)] = np.log(odds)
    network.leanings[tokenizer.convert_tokens_to_ids("<action>")] = float("-inf")


def make_world(num_texts: int, num_turns: int, seed: int = 0) -> tuple[list[list[list[int]]], list[list[str]]]:
    """Return each text's new tokens at each turn, and each text's actions."""
    rng = np.random.default_rng(seed)

    def tokens(about: int) -> list[int]:
        return rng.integers(len(TAGS), len(TAGS) + NUM_WORDS, rng.integers(about // 2, 3 * about // 2)).tolist()

    shown = [
        [tokens(FIRST_TOKENS if turn == 0 else TURN_TOKENS) for turn in range(num_turns)] for _ in range(num_texts)
    ]
    actions = [
        [" ".join(f"w{n}" for n in rng.integers(0, 99, 3)) for _ in range(NUM_ACTIONS)] for _ in range(num_texts)
    ]
    return shown, actions


def play(engine: LocalEngine, num_texts: int, num_turns: int, max_tokens: int) -> tuple[float, float]:
    """Return turns a second and tokens a reply."""
    shown, actions = make_world(num_texts, num_turns)
    texts = [Text(marked_ids=frozenset(range(50, 60))) for _ in shown]
    rng, total = np.random.default_rng(0), 0
    start = time.process_time()
    for turn in range(num_turns):
        for text, new in zip(texts, shown, strict=True):
            text.ids += new[turn]
        drawn = engine.draw(texts, actions, rng=rng, temperature=1.0, max_tokens=max_tokens)
        total += sum(len(each.ids) for each in drawn)
    return num_texts * num_turns / (time.process_time() - start), total / num_texts / num_turns


def generate(network: LanguageNetwork, num_texts: int, num_turns: int, pad: int) -> float:
    """Return turns a second of transformers' `generate`, which reads everything again at each turn."""
    shown, _ = make_world(num_texts, num_turns)
    texts: list[list[int]] = [[] for _ in shown]
    start = time.process_time()
    for turn in range(num_turns):
        texts = [[*text, *new[turn]] for text, new in zip(texts, shown, strict=True)]
        prompt, mask = pad_left(texts, pad)
        made = network.model.generate(
            prompt, attention_mask=mask, do_sample=True, max_new_tokens=REPLY_TOKENS, min_new_tokens=REPLY_TOKENS
        )
        texts = [[*text, *new] for text, new in zip(texts, made[:, prompt.shape[1] :].tolist(), strict=True)]
    return num_texts * num_turns / (time.process_time() - start)


def pad_left(texts: Sequence[Sequence[int]], pad: int) -> tuple[Tensor, Tensor]:
    """Return texts in one tensor, and 1 where they are."""
    longest = max(map(len, texts))
    prompt = torch.tensor([[pad] * (longest - len(text)) + list(text) for text in texts])
    mask = torch.tensor([[0] * (longest - len(text)) + [1] * len(text) for text in texts])
    return prompt, mask


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=64, help="texts drawn at once")
    parser.add_argument("--turns", type=int, nargs="+", default=[10, 30], help="turns an episode")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    tokenizer = make_tokenizer()
    table = Table("drawing", *(f"turns/s, {turns} turns" for turns in arguments.turns), "tokens a reply")
    for decoding in DECODINGS:
        network = make_network(tokenizer)
        limit = REPLY_TOKENS if decoding == "free" else 4 * REPLY_TOKENS
        engine = LocalEngine(network, tokenizer, decoding)
        lean(network, tokenizer, is_free=decoding == "free")
        play(engine, 8, 2, limit)
        engine.clear()
        found = [play(engine, arguments.texts, turns, limit) for turns in arguments.turns]
        table.add_row(f"engine, {decoding}", *(f"{speed:.0f}" for speed, _ in found), f"{found[0][1]:.1f}")
    speeds = [generate(network, arguments.texts, turns, tokenizer.pad_token_id) for turns in arguments.turns]
    table.add_row("generate()", *(f"{speed:.0f}" for speed in speeds), str(REPLY_TOKENS))
    console.print(table)


if __name__ == "__main__":
    main()
