"""The processes that train together: each plays and learns its share, and sums over all of them move every one.

Episodes are dealt out, played, and gathered again, so that every process holds the whole batch and cuts it into the
same minibatches. Each then learns from its share of a minibatch's pieces, whose sums are divided by the counts of the
whole; the gradients of all pieces are added up, and all processes take the same step.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn

from hiper_agents.training.launch import count_processes, uses_shards
from webshop_server.extras import naming_extra

Item = TypeVar("Item")
Losses = tuple[Tensor, dict[str, float]]
"""A scalar to descend, and metrics to show."""
ANY_CUDA = "cuda"


@runtime_checkable
class HasBlocks(Protocol):
    """A network whose weights lie in blocks, most of them, one block computed after the other."""

    def list_blocks(self) -> list[nn.Module]:
        """Return them."""


class Processes:
    """One process that trains alone; what several do differently is in `AcceleratedProcesses`.

    Attributes:
        rank: Number of this process, from 0.
        count: Number of processes.
    """

    rank = 0
    count = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes files and speaks."""
        return self.rank == 0

    def localise(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return a policy's options with the device that this process computes on."""
        return dict(options)

    def share(self, items: Sequence[Item]) -> list[Item]:
        """Return this process's share."""
        return list(items[self.rank :: self.count])

    def gather(self, own: list[Item]) -> list[Item]:
        """Return what all processes made of their shares, in the order of what was shared."""
        return own

    def learn(self, pieces: Sequence[Item], loss: Callable[[Item], Losses]) -> Iterator[Losses]:
        """Yield the losses of this process's share of pieces, as many as any other process.

        Args:
            pieces: Of a minibatch.
            loss: Computes a piece's loss and metrics.
        """
        own = self.share(pieces)
        yield from map(loss, own)
        if len(own) * self.count < len(pieces):  # sharded weights are gathered for a piece by all or by nobody
            spare, metrics = loss(pieces[-1])
            yield spare * 0.0, dict.fromkeys(metrics, 0.0)

    def add_up(self, metrics: dict[str, float]) -> dict[str, float]:
        """Return the sums of all processes' metrics."""
        return metrics

    def settle_gradients(self, network: nn.Module, max_norm: float) -> float:
        """Add up all processes' gradients and cut the sum to a length; return how long it was.

        Args:
            network: Whose gradients.
            max_norm: The longest that it may be.
        """
        return float(nn.utils.clip_grad_norm_(network.parameters(), max_norm))

    def shard(self, network: nn.Module) -> None:
        """Leave each process a part of the blocks' weights, if the processes were started so."""

    @contextmanager
    def whole(self, network: nn.Module) -> Iterator[None]:
        """Let each process have all of the weights for a while, to play without waiting for the others."""
        yield

    def collect(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return tensors put together from all processes' parts; complete in the first process."""
        return tensors

    def spread(self, whole: Tensor, part: Tensor) -> Tensor:
        """Return of a whole tensor what is to go where a part of such a one is."""
        return whole

    def wait(self) -> None:
        """Wait for the other processes."""

    def end(self) -> None:
        """Part from the other processes."""


class AcceleratedProcesses(Processes):
    """Processes that `accelerate launch` started.

    Args:
        uses_cpu: Whether they compute on processors.
        uses_shards: Whether each keeps a part of the weights (FSDP).
    """

    def __init__(self, uses_cpu: bool, uses_shards: bool = False) -> None:
        with naming_extra():
            from accelerate import PartialState

        self._state = PartialState(cpu=uses_cpu)
        self.rank, self.count = self._state.process_index, self._state.num_processes
        self.uses_shards = uses_shards

    def localise(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return a policy's options with the device that this process computes on."""
        device = str(self._state.device) if options.get("device") == ANY_CUDA else options.get("device")
        return {**options, **({"device": device} if device else {})}

    def gather(self, own: list[Item]) -> list[Item]:
        """Return what all processes made of their shares, in the order of what was shared."""
        from accelerate.utils import gather_object

        parts: list[list[Item]] = gather_object([own])
        total = sum(map(len, parts))
        return [parts[number % self.count][number // self.count] for number in range(total)]

    def add_up(self, metrics: dict[str, float]) -> dict[str, float]:
        """Return the sums of all processes' metrics."""
        sums = torch.tensor(list(metrics.values()), dtype=torch.float64, device=self._state.device)
        torch.distributed.all_reduce(sums)
        return dict(zip(metrics, sums.tolist(), strict=True))

    def settle_gradients(self, network: nn.Module, max_norm: float) -> float:
        """Add up all processes' gradients and cut the sum to a length; return how long it was.

        Args:
            network: Whose gradients; those of sharded weights were added up as they were computed.
            max_norm: The longest that it may be.
        """
        gradients = [each.grad for each in network.parameters() if each.grad is not None]
        parts = [_local(each) for each in gradients if _is_part(each)]
        whole = [each for each in gradients if not _is_part(each)]
        for gradient in whole:
            total = gradient.float()
            torch.distributed.all_reduce(total)
            gradient.copy_(total)
        squares = _sum_squares(parts, self._state.device)
        torch.distributed.all_reduce(squares)
        length = math.sqrt(float(squares + _sum_squares(whole, self._state.device)))
        if length > max_norm:
            for gradient in gradients:
                gradient.mul_(max_norm / (length + 1e-6))
        return length

    def shard(self, network: nn.Module) -> None:
        """Leave each process a part of the blocks' weights, if the processes were started so."""
        if not self.uses_shards or not isinstance(network, HasBlocks):
            return
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

        mesh = init_device_mesh(self._state.device.type, (self.count,))
        for block in network.list_blocks():
            sharded: Any = fully_shard(block, mesh=mesh, mp_policy=MixedPrecisionPolicy(reduce_dtype=torch.float32))
            sharded.set_gradient_divide_factor(1.0)  # the counts of the whole minibatch are divided by already
            sharded.set_force_sum_reduction_for_comms(True)

    @contextmanager
    def whole(self, network: nn.Module) -> Iterator[None]:
        """Let each process have all of the weights for a while, to play without waiting for the others."""
        blocks: list[Any] = network.list_blocks() if self.uses_shards and isinstance(network, HasBlocks) else []
        for block in blocks:
            block.unshard()
            block.set_reshard_after_forward(False)
        try:
            yield
        finally:
            for block in blocks:
                block.set_reshard_after_forward(True)
                block.reshard()

    def collect(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return tensors put together from all processes' parts; complete in the first process."""
        found: dict[str, Tensor] = {}
        for name, tensor in tensors.items():
            whole = _complete(tensor)
            if self.is_first:
                found[name] = whole.cpu() if _is_part(tensor) else whole
        return found

    def spread(self, whole: Tensor, part: Tensor) -> Tensor:
        """Return of a whole tensor what is to go where a part of such a one is."""
        if not _is_part(part):
            return whole
        from torch.distributed.tensor import distribute_tensor

        like: Any = part
        return distribute_tensor(whole.to(like.device), like.device_mesh, like.placements)

    def wait(self) -> None:
        """Wait for the other processes."""
        self._state.wait_for_everyone()

    def end(self) -> None:
        """Part from the other processes."""
        self._state.destroy_process_group()


def join_processes(device: str = "cpu") -> Processes:
    """Return the processes that this one was started with: alone, or as one of several (accelerate launch, torchrun).

    Args:
        device: What is computed on, "cpu", "cuda", ...

    Raises:
        MissingExtraError: There are several, and accelerate is not installed.
    """
    if count_processes() < 2:
        return Processes()
    return AcceleratedProcesses(not device.startswith(ANY_CUDA), uses_shards())


def _is_part(tensor: Tensor) -> bool:
    """Return whether this process has a part of a tensor only."""
    return hasattr(tensor, "full_tensor")


def _complete(tensor: Any) -> Tensor:
    whole: Tensor = tensor.full_tensor() if _is_part(tensor) else tensor
    return whole


def _local(tensor: Any) -> Tensor:
    part: Tensor = tensor.to_local()
    return part


def _sum_squares(tensors: Iterable[Tensor], device: torch.device) -> Tensor:
    parts = [tensor.detach().float().square().sum() for tensor in tensors]
    return torch.stack(parts).sum() if parts else torch.zeros((), device=device)
