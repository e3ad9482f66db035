"""The door to peft: low-rank adapters beside a model's weights, trained instead of them.

A weight W stands still and W + s B A is computed with, B and A of a low rank (Hu et al., arXiv 2106.09685). B is zero
at first, so that the model is what it was. Saved, the products are added to the weights: the folder is an ordinary one.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from hiper_agents.policies.language.model import ModelError
from webshop_server.extras import naming_extra

SCALE = 2.0
"""s above: lora_alpha divided by the rank."""
_BASE, _DOWN, _UP = ".base_layer", ".lora_A.default.weight", ".lora_B.default.weight"


def add_adapters(model: Any, rank: int) -> None:
    """Put adapters beside all linear layers of a causal language model but for its output; nothing else is trained.

    Args:
        model: The model; changed in place.
        rank: Rank of the adapters.

    Raises:
        MissingExtraError: peft is not installed.
        ModelError: The model has no linear layers that peft knows.
    """
    with naming_extra():
        from peft import LoraConfig, inject_adapter_in_model

    config = LoraConfig(
        r=rank, lora_alpha=round(SCALE * rank), lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    try:
        inject_adapter_in_model(config, model)
    except ValueError as error:
        raise ModelError(f"this model takes no adapters, leave lora_rank at 0: {error}") from error


def merge_adapters(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a model's weights with its adapters' products added, under the names that they had without adapters.

    Args:
        weights: All weights by name; without adapters they are returned as they are.
    """
    merged: dict[str, Tensor] = {}
    for name, weight in weights.items():
        if ".lora_" in name:
            continue
        stem = name.removesuffix(".weight").removesuffix(_BASE)
        if f"{stem}{_DOWN}" in weights and name.endswith(f"{_BASE}.weight"):
            down, up = weights[f"{stem}{_DOWN}"].float(), weights[f"{stem}{_UP}"].float()
            weight = (weight.float() + SCALE * (up @ down)).to(weight.dtype)
        merged[name.replace(_BASE, "")] = weight
    return merged
