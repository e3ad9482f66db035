"""Adam, as torch.optim.Adam computes it, without the seconds that importing torch's compiler takes there."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor

BETAS = (0.9, 0.999)


class Adam:
    """Follows gradients with running means of them and of their squares (Kingma and Ba, arXiv 1412.6980).

    Args:
        parameters: What to change; tensors without a gradient are left alone.
        lr: Step size; may be set between steps.
        epsilon: Added to the root of the mean square.
    """

    def __init__(self, parameters: Iterable[Tensor], lr: float, epsilon: float = 1e-5) -> None:
        self.parameters = list(parameters)
        self.lr = lr
        self.epsilon = epsilon
        self.num_steps = 0
        self.means = [torch.zeros_like(each) for each in self.parameters]
        self.squares = [torch.zeros_like(each) for each in self.parameters]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for each in self.parameters:
            each.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Change the parameters."""
        self.num_steps += 1
        first, second = BETAS
        step_size = self.lr / (1 - first**self.num_steps)
        root = math.sqrt(1 - second**self.num_steps)
        for each, mean, square in zip(self.parameters, self.means, self.squares, strict=True):
            if each.grad is not None:
                mean.lerp_(each.grad, 1 - first)
                square.mul_(second).addcmul_(each.grad, each.grad, value=1 - second)
                each.addcdiv_(mean, (square.sqrt() / root).add_(self.epsilon), value=-step_size)
