"""A causal language model with what HiPER adds to it: three values, and marks on the tokens that the task names.

The folder of a saved network is an ordinary one of transformers, which loads without these additions; they lie beside
the model in a file of their own.
"""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from hiper_agents.policies.language.adapters import merge_adapters
from hiper_agents.policies.language.config import DTYPES
from hiper_agents.policies.language.model import CONFIG, ModelError, load_language_model, without_bars
from hiper_agents.policies.policy import KINDS
from webshop_server.allowed_names import check_choice

ADDITIONS = "hiper.safetensors"
FACTS = "hiper.json"
MARKS_PREFIX = "marks."
NUM_SAMPLED = 16
"""Numbers of each tensor that are looked at to notice a change."""
MODEL = "model."


class TextMarks(nn.Module):
    """Two additions to a token's embedding that are functions of the text alone; both are nothing at first.

    A small model learns from them in minutes what it otherwise does not learn at all: that the thing the task asks for
    stands on this page, and which number follows which name.

    Args:
        hidden_size: Width of the embeddings.
    """

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.lex = nn.Embedding(2, hidden_size)
        self.shift = nn.Linear(hidden_size, hidden_size, bias=False)
        nn.init.zeros_(self.lex.weight)
        nn.init.zeros_(self.shift.weight)

    def forward(self, embedded: Tensor, marked: Tensor, embedded_before: Tensor) -> Tensor:
        """Return embeddings with both additions.

        Args:
            embedded: Embeddings of tokens, shape [batch, tokens, hidden].
            marked: 1 where a token also stands in the task's sentence, else 0, shape [batch, tokens].
            embedded_before: Embeddings of the tokens before them, shape [batch, tokens, hidden].
        """
        total: Tensor = embedded + self.lex(marked.long()) + self.shift(embedded_before)
        return total


class LanguageNetwork(nn.Module):
    """A causal language model, three values over its last hidden states, and perhaps marks on its tokens.

    Args:
        model: A causal language model of transformers.
        has_marks: Whether tokens are marked, see `TextMarks`.

    Attributes:
        heads: Values of a place in a text, one output for each of `KINDS`; in float32, zero at first.
        marks: None for a model that reads plain tokens.
    """

    def __init__(self, model: Any, has_marks: bool = False) -> None:
        super().__init__()
        width = model.get_input_embeddings().embedding_dim
        width_out = model.get_output_embeddings().weight.shape[1]
        self.model = model
        self.heads = nn.Linear(width_out, len(KINDS))
        nn.init.zeros_(self.heads.weight)
        nn.init.zeros_(self.heads.bias)
        self.marks = TextMarks(width) if has_marks else None
        self.checkpoints_activations = False

    def list_blocks(self) -> list[nn.Module]:
        """Return the model's layers, one computed after the other: its longest list of modules."""
        lists = [each for each in self.model.get_decoder().modules() if isinstance(each, nn.ModuleList)]
        return list(max(lists, key=len, default=()))

    def checkpoint_activations(self) -> None:
        """Compute activations again in the backward pass from now on, instead of keeping them.

        Raises:
            ModelError: The model cannot.
        """
        model = self.model  # transformers 5 renamed it
        enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
        try:
            enable({"use_reentrant": False})
        except ValueError as error:
            raise ModelError(f"this model cannot compute activations again: {error}") from error
        self.checkpoints_activations = True

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        device: torch.device = self.heads.weight.device
        return device

    @property
    def max_positions(self) -> int | None:
        """How many tokens a text may have; None if the model does not say.

        Where some layers look back less far, as far as they do: beyond that the cache would show them too much.
        """
        config = self.model.config
        limits = [getattr(config, "max_position_embeddings", None), _sliding_window(config)]
        return min((limit for limit in limits if isinstance(limit, int) and limit > 0), default=None)

    def read(
        self, ids: Tensor, marked: Tensor | None = None, before: Tensor | None = None, cache: Any = None, **options: Any
    ) -> Tensor:
        """Return the last hidden states, shape [batch, tokens, hidden].

        Args:
            ids: Tokens, shape [batch, tokens].
            marked: 1 for tokens that also stand in the task's sentence, of the same shape; None for nowhere. Not read
                without `marks`.
            before: The token before each, of the same shape; None where `ids` are whole texts: each one's left
                neighbour, and padding before the first. Not read without `marks`.
            cache: Keys and values of what was read before, as transformers has them.
            **options: What else the model takes: `attention_mask`, `position_ids`, ...
        """
        decoder = self.model.get_decoder()
        if self.checkpoints_activations:
            for block in self.list_blocks():  # transformers asks whether it trains; their parts must not drop out
                block.training = torch.is_grad_enabled()
        if cache is not None:
            options |= {"past_key_values": cache}
        options["use_cache"] = cache is not None
        if self.marks is None:
            hidden: Tensor = decoder(input_ids=ids, **options).last_hidden_state
            return hidden
        embed = self.model.get_input_embeddings()
        embedded = embed(ids)
        if before is None:
            first = embed(torch.full_like(ids[:, :1], self.pad_id))
            embedded_before = torch.cat([first, embedded[:, :-1]], 1)
        else:
            embedded_before = embed(before)
        marked = torch.zeros_like(ids) if marked is None else marked
        marked_up = self.marks(embedded, marked, embedded_before)
        hidden = decoder(inputs_embeds=marked_up, **options).last_hidden_state
        return hidden

    @torch.no_grad()
    def sample_weights(self) -> tuple[int, bytes]:
        """Return what is another after weights were changed: versions, and a few of the numbers.

        Fused optimisers count no versions up.
        """
        weights = [each for each in self.parameters() if each.numel()]
        versions = sum(0 if each.is_inference() else each._version for each in weights)
        few = [each.detach().flatten()[:: -(-each.numel() // NUM_SAMPLED)].float() for each in weights]
        return versions, torch.cat([each.to(self.device) for each in few]).cpu().numpy().tobytes()

    @property
    def pad_id(self) -> int:
        """The token that fills up, and stands before every text."""
        number = getattr(self.model.config, "pad_token_id", None)
        return number if isinstance(number, int) and number >= 0 else 0

    def score(self, hidden: Tensor) -> Tensor:
        """Return the scores of the next token, shape [..., vocabulary], float32."""
        scores: Tensor = self.model.get_output_embeddings()(hidden)
        return scores.float()

    def value(self, hidden: Tensor) -> Tensor:
        """Return the values of places from their hidden states, shape [..., 3] in the order of `KINDS`, float32."""
        values: Tensor = self.heads(hidden.float())
        return values


def _sliding_window(config: Any) -> int | None:
    """Return how far the layers look back that look back least; None for all the way."""
    kinds = getattr(config, "layer_types", None)
    window = getattr(config, "sliding_window", None)
    is_used = "sliding_attention" in kinds if kinds else getattr(config, "use_sliding_window", True)
    return window if is_used else None


class SavedNetwork(NamedTuple):
    """What a folder holds.

    Attributes:
        network: In evaluation mode.
        tokenizer: Text to ids and back.
        facts: What was saved along.
    """

    network: LanguageNetwork
    tokenizer: Any
    facts: dict[str, Any]


def save_network(
    folder: str | Path,
    network: LanguageNetwork,
    tokenizer: Any,
    facts: Mapping[str, Any],
    dtype: str | None = None,
    weights: Mapping[str, Tensor] | None = None,
) -> Path:
    """Save a network as a folder that transformers opens too; each file is the old one or the new one at any time.

    Args:
        folder: Made if it is not there; files of the same names are replaced.
        network: Its model, heads and marks.
        tokenizer: The model's own.
        facts: What else is to be known of it, as JSON can hold it.
        dtype: What the model's numbers are written as, "float32", "bfloat16" or "float16"; None as they are. Heads and
            marks are written in float32.
        weights: What is saved instead of the network's own weights, by their names; adapters are merged in any case.

    Returns:
        The folder.

    Raises:
        ValueError: There is no such dtype.
        OSError: It cannot be written.
    """
    wanted = None if dtype is None else getattr(torch, check_choice(dtype, DTYPES, "dtype"))
    weights = network.state_dict() if weights is None else weights
    merged = merge_adapters(
        {name.removeprefix(MODEL): each for name, each in weights.items() if name.startswith(MODEL)}
    )
    if wanted is not None:
        merged = _cast(merged, wanted)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=folder) as unfinished:
        _save_model(network.model, merged, Path(unfinished))
        tokenizer.save_pretrained(unfinished)
        save_file(_list_additions(weights), Path(unfinished) / ADDITIONS)
        text = json.dumps(dict(facts), indent=1, sort_keys=True)
        (Path(unfinished) / FACTS).write_text(text, encoding="utf-8")
        for file in sorted(Path(unfinished).iterdir()):
            os.replace(file, folder / file.name)
    return folder


def _save_model(model: Any, weights: dict[str, Tensor], folder: Path) -> None:
    """Save a model as transformers does, with other weights than its own."""
    written = next(each.dtype for each in weights.values() if each.is_floating_point())
    with without_bars():
        model.save_pretrained(folder, state_dict=weights)
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    config["dtype"] = str(written).removeprefix("torch.")
    (folder / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _cast(weights: Mapping[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """Return weights as other numbers; two names of the same weights stay two names of the same."""
    casts = {each.data_ptr(): each.to(dtype) for each in weights.values() if each.is_floating_point()}
    return {name: casts[each.data_ptr()] if each.is_floating_point() else each for name, each in weights.items()}


def _list_additions(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    found = {name: each for name, each in weights.items() if not name.startswith(MODEL)}
    return {name: each.detach().float().cpu().contiguous() for name, each in found.items()}


def load_network(
    source: str | Path, *, dtype: str = "float32", device: str = "cpu", gguf_file: str | None = None
) -> SavedNetwork:
    """Load a folder that `save_network` wrote, or any causal language model, its values zero and its tokens unmarked.

    Args:
        source: A folder, or a model's name on the hub.
        dtype: "float32", "bfloat16" or "float16" for the model; heads and marks are float32, marks as the model.
        device: Where the weights go.
        gguf_file: Name of the GGUF file in the folder, for weights of that kind.

    Raises:
        ModelError: There is no such model, or what was saved beside it is not of it.
    """
    language = load_language_model(source, gguf_file=gguf_file, dtype=dtype, device=device)
    additions, facts = _read_additions(Path(source).expanduser(), language.name)
    has_marks = any(name.startswith(MARKS_PREFIX) for name in additions)
    network = LanguageNetwork(language.model, has_marks)
    if additions:
        expected = {name: weights.shape for name, weights in _list_additions(network.state_dict()).items()}
        if expected != {name: weights.shape for name, weights in additions.items()}:
            raise ModelError(f"{ADDITIONS} in {language.name!r} is of another model: its weights do not fit")
        network.load_state_dict(additions, strict=False)
    network.heads.to(device)
    if network.marks is not None:
        network.marks.to(device=device, dtype=language.model.dtype)
    return SavedNetwork(network.eval(), language.tokenizer, facts)


def _read_additions(folder: Path, name: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return heads and marks, and facts; neither where a plain model lies."""
    additions: dict[str, Tensor] = {}
    facts: Any = {}
    try:
        if (folder / ADDITIONS).is_file():
            additions = load_file(folder / ADDITIONS)
        if (folder / FACTS).is_file():
            facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    except (SafetensorError, ValueError, OSError) as error:
        raise ModelError(f"what was saved beside {name!r} cannot be read: {error}") from error
    if not isinstance(facts, dict):
        raise ModelError(f"{FACTS} in {name!r} must hold an object, got {type(facts).__name__}")
    return additions, facts
