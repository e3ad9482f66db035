"""What the trainer knows of a policy.

A turn holds up to three choices: KEEP or SWITCH, a subgoal where a segment opens, and an action. A policy may make each
of them at once or token by token; either way every choice is a row: the turn it was made at, its kind, and its
log-probability when it was made and now. The loss reads rows and asks no policy what it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, Self, runtime_checkable

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from hiper_envs.reply import Reply

Kind = Literal["action", "switch", "subgoal", "format"]
KINDS: tuple[Kind, ...] = ("action", "switch", "subgoal")
"""Kinds of choices. What a reply holds beside them, its tags for example, is of the kind "format": it is imitated and
held near to a reference, and gets no credit."""


class Decision(Protocol):
    """What was decided at a turn, and how good the policy found the place where it decided.

    Attributes:
        reply: The whole reply that says it.
        is_boundary: Whether a segment opens.
        chooses_action: Whether there is an action to learn from.
        chooses_switch: Whether there was a KEEP or SWITCH to choose: a segment was open and the policy has subgoals.
        chooses_subgoal: Whether a subgoal was chosen: at boundaries, if the policy has subgoals.
        value_switch: Value before KEEP or SWITCH.
        value_high: Value before a subgoal.
        value_low: Value of state and subgoal.
    """

    @property
    def reply(self) -> str: ...  # noqa: D102
    @property
    def is_boundary(self) -> bool: ...  # noqa: D102
    @property
    def chooses_action(self) -> bool: ...  # noqa: D102
    @property
    def chooses_switch(self) -> bool: ...  # noqa: D102
    @property
    def chooses_subgoal(self) -> bool: ...  # noqa: D102
    @property
    def value_switch(self) -> float: ...  # noqa: D102
    @property
    def value_high(self) -> float: ...  # noqa: D102
    @property
    def value_low(self) -> float: ...  # noqa: D102


class Memory(Protocol):
    """What a policy keeps of an episode, from its texts alone."""

    def remember(self, decision: Any, /) -> None:
        """Keep what was decided, before it is carried out."""

    def observe(self, observation: str, admissible: Sequence[str]) -> None:
        """Keep what came back."""


class Units(NamedTuple):
    """Which decisions are read together.

    Attributes:
        unit: Number of each decision's unit, from 0 without gaps, [decisions].
        size: How much there is to read in each unit, in tokens, [units].
    """

    unit: npt.NDArray[np.int64]
    size: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Rows:
    """Choices of one kind, made at some of the turns of a batch; all tensors have the shape [rows].

    A choice that is made token by token has a row for each token.

    Attributes:
        turn: Position of each row's turn in the batch.
        made: Whether there was such a choice at all; rows without one are read by nobody.
        log_old: Log-probability when it was made.
        log_new: Log-probability now.
        entropy: Entropy of what it was chosen from, now.
        divergence: Kullback-Leibler divergence from the reference policy there; None without a reference.
    """

    turn: Tensor
    made: Tensor
    log_old: Tensor
    log_new: Tensor
    entropy: Tensor
    divergence: Tensor | None = None


VALUE_WEIGHTS = ("heads.", "value_")
"""How the names begin of those weights of a policy's network that nothing but values is made of."""


class Policy(Protocol):
    """Decides, and scores again what was decided.

    Attributes:
        network: The weights.
        has_subgoals: False for a flat policy, which has neither switches nor subgoals.
    """

    @property
    def network(self) -> nn.Module: ...  # noqa: D102
    @property
    def has_subgoals(self) -> bool: ...  # noqa: D102

    def open_memory(self, observation: str, info: Mapping[str, Any]) -> Any:
        """Return the memory of an episode that begins with this observation."""

    def decide(self, memories: Sequence[Any], rng: Any = None, temperature: float = 1.0) -> Sequence[Any]:
        """Decide a turn of several episodes.

        Args:
            memories: One episode's memory each; every episode must have an admissible action.
            rng: A generator that draws the decisions, or one for each, where the policy says that it `draws_apart`;
                None takes the likeliest.
            temperature: Divides the scores before drawing; log-probabilities are those at temperature 1.

        Returns:
            One `Decision` for each.
        """

    def imitate(self, memory: Any, reply: Reply) -> Any:
        """Return somebody else's turn as the `Decision` that this policy would have had to make."""

    def correct(self, memory: Any, decision: Any, wanted: Reply) -> Any:
        """Return the same decision as one from which nothing is learned but what was wanted instead.

        Args:
            memory: Of the episode, before the turn is remembered.
            decision: What is done.
            wanted: What somebody else would have done. A policy that chooses token by token learns it up to the first
                token that departs from what is done; one whose choices do not come apart may learn nothing.
        """

    def divide(self, decisions: Sequence[Any]) -> Units:
        """Return which decisions are to be encoded together: turns whose texts hold one another."""

    def encode(self, decisions: Sequence[Any], *, learns_values_alone: bool = False) -> Any:
        """Read the turns of some decisions, of any episodes, as one batch for `score` and `values`.

        Args:
            decisions: Whole units of decisions, see `divide`.
            learns_values_alone: Whether the policy must stay as it is; what it shares with the values then does, too.
        """

    def score(self, batch: Any, reference: Self | None = None) -> Mapping[Kind, Rows]:
        """Return the rows of a batch, of all kinds; with a reference, also how far the policy is from it."""

    def values(self, batch: Any) -> Mapping[Kind, Tensor]:
        """Return the value before each kind of choice, [turns], of those kinds whose values are learned."""

    def copy(self) -> Self:
        """Return the same policy with weights of its own, which nobody trains."""


@runtime_checkable
class ReadsPages(Protocol):
    """A policy that can also be asked how well it foresees what the world writes."""

    def read_pages(self, batch: Any) -> Tensor:
        """Return the negative log-likelihood of all that the world wrote in the texts of a batch, summed."""


@runtime_checkable
class SavesItself(Protocol):
    """A policy that is saved as a folder of its own, not as a file of weights."""

    def save(self, folder: Path, facts: dict[str, Any], weights: Mapping[str, Tensor]) -> None:
        """Save it.

        Args:
            folder: Where to.
            facts: What else is to be known of it.
            weights: The network's weights by name.

        Raises:
            OSError: It cannot be written.
        """
