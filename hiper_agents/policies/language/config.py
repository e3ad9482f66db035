"""Settings of a language policy; neither torch nor transformers is needed to read them."""

from dataclasses import dataclass
from typing import Any

from hiper_agents.worlds import WORLDS
from webshop_server.allowed_names import check_choice
from webshop_server.allowed_types import check_flag, check_integer

LAYOUTS = ("compact", "chat")
DECODINGS = ("free", "format", "admissible")
SERVERS = ("vllm", "sglang")
SMALL = "language-small"
"""Stands for a small Llama made from nothing, instead of a folder or a hub's name."""


@dataclass(frozen=True)
class LanguageConfig:
    """Which model, and how it reads and writes."""

    model: str = SMALL
    """A folder that transformers saved, a name on the hub, or language-small for a new small Llama."""
    world: str = "alfworld"
    """The world whose texts a small model's tokenizer is made from: alfworld or webshop."""
    layout: str = "compact"
    """How the world's texts are laid out: compact, or chat for the model's own chat template."""
    decoding: str = "format"
    """free: any token at any place. format: the tags are given, switches are KEEP or SWITCH. admissible: besides, the
    action is one of the admissible ones. Probabilities are those of the policy that results."""
    max_reply_tokens: int = 64
    """The longest reply."""
    dtype: str = "float32"
    """Numbers that the weights are held in."""
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
        for name in ("has_marks", "checkpoints_activations"):
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
