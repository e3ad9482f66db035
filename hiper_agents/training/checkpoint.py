"""Weights and checkpoints: one safetensors file each, with everything else as JSON in its header.

One file, written beside its place and moved there, is either the old one or the new one, whenever the process dies.
"""

import json
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from hiper_agents.policies.policy import Policy, SavesItself
from hiper_agents.training.adam import Adam
from hiper_agents.training.distribution import Processes

MODEL = "model"
OPTIMIZER_PREFIX = "optimizer/"
NETWORK_PREFIX = "network/"
REFERENCE_PREFIX = "reference/"


@dataclass(frozen=True)
class Checkpoint:
    """A training run between two steps.

    Attributes:
        tensors: Weights of the network and of the optimizer, by prefixed name.
        state: Everything else, as JSON can hold it: configuration, step, random state, history.
    """

    tensors: dict[str, Tensor]
    state: dict[str, Any]


def save_tensors(path: Path, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
    """Write a file, all or nothing.

    Args:
        path: The file.
        tensors: By name.
        state: What else is kept, as JSON can hold it.

    Raises:
        OSError: It cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.unfinished")
    plain = {name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()}
    try:
        save_file(plain, unfinished, metadata={"state": json.dumps(state, sort_keys=True)})
        with open(unfinished, "r+b") as file:  # some systems write out only what is open for writing
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except SafetensorError as error:
        raise OSError(f"cannot write {path}: {error}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def load_tensors(path: Path) -> Checkpoint:
    """Read a file that `save_tensors` wrote.

    Raises:
        FileNotFoundError: There is none.
        ValueError: It is no such file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no weights at {path}; train some with `hiper train`")
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}
            state = json.loads((file.metadata() or {}).get("state", "{}"))
    except (SafetensorError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is no file of weights: {error}") from error
    return Checkpoint(tensors, state)


def save_weights(policy: Policy, path: Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Save what a run made: a policy's weights in a file, or, if it saves itself, a folder beside that place.

    Args:
        policy: The policy.
        path: The file; the folder, `MODEL`, is beside it.
        tensors: The network's weights, with their prefix.
        facts: Settings and metrics.

    Raises:
        OSError: It cannot be written.
    """
    if isinstance(policy, SavesItself):
        own = {name.removeprefix(NETWORK_PREFIX): tensor for name, tensor in tensors.items()}
        policy.save(path.with_name(MODEL), facts, own)
    else:
        save_tensors(path, tensors, facts)


def list_frozen(network: nn.Module) -> frozenset[str]:
    """Return the names of the weights that are not trained: they are where they came from, and are not kept."""
    return frozenset(name for name, each in network.named_parameters() if not each.requires_grad)


def network_tensors(
    network: nn.Module, prefix: str = NETWORK_PREFIX, left_out: Collection[str] = ()
) -> dict[str, Tensor]:
    """Return a network's weights by prefixed name.

    Args:
        network: The network.
        prefix: What the names are to begin with.
        left_out: Names of weights that are not kept.
    """
    return {prefix + name: tensor for name, tensor in network.state_dict().items() if name not in left_out}


def load_network(
    network: nn.Module,
    tensors: dict[str, Tensor],
    source: Path,
    prefix: str = NETWORK_PREFIX,
    left_out: Collection[str] = (),
) -> None:
    """Put the weights whose names have the prefix into a network.

    Args:
        network: What takes the weights.
        tensors: All that a file holds, by name.
        source: The file, for messages.
        prefix: What the names of the network's weights begin with.
        left_out: Names of weights that were not kept, and stay as they are.

    Raises:
        ValueError: They are of another network.
    """
    own = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    try:
        stay = {name: each for name, each in network.state_dict().items() if name in left_out} if left_out else {}
        network.load_state_dict(stay | {name: tensor.float() for name, tensor in own.items()})
    except RuntimeError as error:
        raise ValueError(f"{source} holds weights of another network: {error}") from error


def optimizer_tensors(optimizer: Adam) -> dict[str, Tensor]:
    """Return the optimizer's running means by prefixed name."""
    tensors = {f"{OPTIMIZER_PREFIX}num_steps": torch.tensor(optimizer.num_steps)}
    for name, kept in _list_kept(optimizer):
        tensors[name] = kept
    return tensors


def load_optimizer(optimizer: Adam, tensors: dict[str, Tensor], processes: Processes | None = None) -> None:
    """Put running means back into an optimizer of the same parameters.

    Args:
        optimizer: What takes them.
        tensors: All that a file holds, by name.
        processes: Those that each have a part of them; None for this one alone.
    """
    processes = processes or Processes()
    optimizer.num_steps = int(tensors[f"{OPTIMIZER_PREFIX}num_steps"])
    for name, kept in _list_kept(optimizer):
        kept.copy_(processes.spread(tensors[name], kept))


def _list_kept(optimizer: Adam) -> Iterator[tuple[str, Tensor]]:
    """Yield what an optimizer keeps of each parameter, by prefixed name."""
    for position, each in enumerate(optimizer.parameters):
        yield f"{OPTIMIZER_PREFIX}{position}/mean", optimizer.means[position]
        yield f"{OPTIMIZER_PREFIX}{position}/square", optimizer.squares[position]
        if optimizer.exact[position] is not each:
            yield f"{OPTIMIZER_PREFIX}{position}/exact", optimizer.exact[position]


def check_settings(folder: Path, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Refuse to go on with a run of other settings.

    Args:
        folder: Of the run.
        ours: The settings now, as plain data.
        theirs: The settings that the run was begun with.

    Raises:
        ValueError: They differ.
    """
    ours = json.loads(json.dumps(ours))
    different = sorted(name for name in ours if theirs[name] != ours[name])
    if different:
        raise ValueError(
            f"{folder} holds a run with other settings ({', '.join(different)}); choose another folder,"
            " or delete this one"
        )
