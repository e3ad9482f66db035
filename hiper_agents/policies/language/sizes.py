"""How large a model is, told by its configuration alone: no weights are read, neither torch nor transformers loaded.

Counted as a Llama's or a Qwen2's layers are built (attention over grouped keys, a gated feed-forward, norms), as most
open models are.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hiper_agents.policies.language.config import SIZES, SMALL, SMOLLM2, LanguageConfig

CONFIG = "config.json"
NUM_VALUES = 3
SMALL_VOCABULARY = {"alfworld": 520, "webshop": 4_000}
"""Entries of a tokenizer made from the worlds' texts, about."""
SMOLLM2_SIZES = {
    "hidden_size": 576,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "intermediate_size": 1536,
    "max_position_embeddings": 8192,
    "vocab_size": 49_152,
    "tie_word_embeddings": True,
}
NEEDED = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size")
WITH_BIASES = ("qwen2",)
"""Kinds of models whose queries, keys and values have biases."""


@dataclass(frozen=True)
class ModelSizes:
    """The numbers that a model's weights are counted by, as transformers names them in its configuration."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocabulary: int
    is_tied: bool = False
    has_biases: bool = False
    has_marks: bool = False
    max_positions: int | None = None

    @property
    def linear_layers(self) -> tuple[tuple[int, int], ...]:
        """Inputs and outputs of each linear layer of a block."""
        wide, narrow = self.heads * self.head_dim, self.kv_heads * self.head_dim
        attention = ((self.hidden, wide), (self.hidden, narrow), (self.hidden, narrow), (wide, self.hidden))
        forward = ((self.hidden, self.intermediate),) * 2 + ((self.intermediate, self.hidden),)
        return attention + forward

    @property
    def block_weights(self) -> int:
        """Weights of all blocks."""
        biases = (self.heads + 2 * self.kv_heads) * self.head_dim if self.has_biases else 0
        return self.layers * (sum(down * up for down, up in self.linear_layers) + biases + 2 * self.hidden)

    @property
    def weights(self) -> int:
        """All weights of the model, without values and marks."""
        embeddings = self.vocabulary * self.hidden * (1 if self.is_tied else 2)
        return embeddings + self.block_weights + self.hidden

    @property
    def added_weights(self) -> int:
        """Weights of values and marks."""
        marks = 2 * self.hidden + self.hidden**2 if self.has_marks else 0
        return NUM_VALUES * (self.hidden + 1) + marks

    def count_work(self, context: float) -> float:
        """Return the multiplications for a token that looks back on so many, its attention included."""
        return self.weights + 2 * self.layers * self.heads * self.head_dim * context

    def count_adapters(self, rank: int) -> int:
        """Return the weights of adapters of a rank beside all linear layers of the blocks."""
        return self.layers * rank * sum(down + up for down, up in self.linear_layers)


def find_sizes(config: LanguageConfig) -> tuple[ModelSizes | None, str]:
    """Return a model's sizes and how they are known; None, and why, where they are not.

    Args:
        config: Which model.
    """
    if config.model == SMALL:
        vocabulary = SMALL_VOCABULARY[config.world]
        described = {**SIZES, "vocab_size": vocabulary, "tie_word_embeddings": True, **config.sizes}
        known = f"counted from the settings, for a tokenizer of about {vocabulary:,} entries"
        return read_sizes(described, config.has_marks), known
    if config.model == SMOLLM2:
        return read_sizes(SMOLLM2_SIZES), "counted for SmolLM2-135M"
    path = find_config(config.model)
    if path is not None:
        try:
            return read_sizes(json.loads(path.read_text(encoding="utf-8"))), f"counted from {path}"
        except (OSError, ValueError) as error:
            return None, f"{path} tells no sizes: {error}"
    if config.sizes:
        try:
            return read_sizes(
                {"model_type": _guess_kind(config.model), **config.sizes}
            ), "counted from sizes in the settings"
        except ValueError as error:
            return None, f"sizes in the settings do not suffice: {error}"
    return None, f"not known: {config.model!r} is not on this machine; give its sizes in policy_options.sizes"


def find_config(model: str) -> Path | None:
    """Return where a model's configuration lies, in its folder or in the hub's cache; None where there is none."""
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder / CONFIG if (folder / CONFIG).is_file() else None
    try:
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(model, CONFIG)
    except (ImportError, ValueError):
        return None
    return Path(found) if isinstance(found, str) else None


def read_sizes(described: dict[str, Any], has_marks: bool = False) -> ModelSizes:
    """Return the sizes that a configuration of transformers tells.

    Args:
        described: The configuration.
        has_marks: Whether tokens are marked, see `TextMarks`.

    Raises:
        ValueError: A number is missing, or none.
    """
    if not isinstance(described, dict):
        raise ValueError(f"it holds no object but {type(described).__name__}")
    for name in NEEDED:
        value = described.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{name} must be a whole number from 1, got {value!r}")
    heads = described["num_attention_heads"]
    return ModelSizes(
        hidden=described["hidden_size"],
        layers=described["num_hidden_layers"],
        heads=heads,
        kv_heads=described.get("num_key_value_heads") or heads,
        head_dim=described.get("head_dim") or described["hidden_size"] // heads,
        intermediate=described["intermediate_size"],
        vocabulary=described["vocab_size"],
        is_tied=bool(described.get("tie_word_embeddings", False)),
        has_biases=described.get("model_type") in WITH_BIASES,
        has_marks=has_marks,
        max_positions=described.get("max_position_embeddings"),
    )


def _guess_kind(model: str) -> str:
    return "qwen2" if "qwen2" in model.lower() else "llama"
