"""Adam, as torch.optim.Adam computes it, without the seconds that importing torch's compiler takes there."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor

BETA1 = 0.9
EXACT = (torch.float32, torch.float64)


class Adam:
    """Follows gradients with running means of them and of their squares (Kingma and Ba, arXiv 1412.6980).

    Of numbers in half precision a copy in single precision is kept and followed: a step of a ten-thousandth would be
    rounded away in them.

    Args:
        parameters: What to change, of them those that are trained, by name or without names; tensors without a gradient
            are left alone.
        lr: Step size; may be set between steps.
        epsilon: Added to the root of the mean square.
        beta2: Decay of the mean of squares.
        weight_decay: Share of each tensor of two or more dimensions taken off at a step, times the step size
            (Loshchilov and Hutter, arXiv 1711.05101).
    """

    def __init__(
        self,
        parameters: Iterable[Tensor | tuple[str, Tensor]],
        lr: float,
        epsilon: float = 1e-5,
        *,
        beta2: float = 0.999,
        weight_decay: float = 0.0,
    ) -> None:
        named = [("", each) if isinstance(each, Tensor) else each for each in parameters]
        self._names = [name for name, each in named if each.requires_grad]
        self.parameters = [each for _, each in named if each.requires_grad]
        self.exact = [each if each.dtype in EXACT else each.detach().float() for each in self.parameters]
        self._factors = [1.0] * len(self.parameters)
        self.lr = lr
        self.epsilon = epsilon
        self.beta2 = beta2
        self.weight_decay = weight_decay
        self.num_steps = 0
        self.means = [torch.zeros_like(each) for each in self.exact]
        self.squares = [torch.zeros_like(each) for each in self.exact]

    def set_factor(self, beginnings: tuple[str, ...], factor: float) -> None:
        """Multiply the step size of the parameters whose names begin so from now on, and that of no others."""
        self._factors = [factor if name.startswith(beginnings) else 1.0 for name in self._names]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for each in self.parameters:
            each.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Change the parameters."""
        self.num_steps += 1
        first, second = BETA1, self.beta2
        step_size = self.lr / (1 - first**self.num_steps)
        root = math.sqrt(1 - second**self.num_steps)
        for each, exact, mean, square, factor in zip(
            self.parameters, self.exact, self.means, self.squares, self._factors, strict=True
        ):
            if each.grad is None:
                continue
            gradient = each.grad.to(exact.dtype)
            if self.weight_decay and each.ndim > 1:
                exact.mul_(1 - self.lr * factor * self.weight_decay)
            mean.lerp_(gradient, 1 - first)
            square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
            exact.addcdiv_(mean, (square.sqrt() / root).add_(self.epsilon), value=-step_size * factor)
            if exact is not each:
                each.copy_(exact)
