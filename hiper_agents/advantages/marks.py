"""What is known of each turn beside `Turns`, for shaping and for estimators that compare turns of a group."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hiper_agents.advantages.turns import Booleans, Integers, Turns, as_vector, check_count
from webshop_server.allowed_types import shorten

Labels = Sequence[Hashable] | npt.NDArray[Any]
"""One hashable value a turn, equal ones meaning the same thing: integers, names, snapshots of a state."""


@dataclass(frozen=True, eq=False)
class TurnMarks:
    """What shaping and estimators need to know of each turn beside `Turns`; shape [turns] each, None: not given."""

    valid: Booleans | None = None
    """Whether the action was valid; None: all were."""
    subgoal: Integers | None = None
    """Id of the subgoal text written at the turn, equal texts having equal ids; -1: none. None: not looked at."""
    group: Labels | None = None
    """Id of the turn's group: the episodes of one task that were played from one start. Integers or names."""
    state: Labels | None = None
    """Key of the state that the turn acts in, such as the environment's snapshot before it."""
    milestone: Booleans | None = None
    """Whether the turn reached a milestone of the task."""
    success: Booleans | None = None
    """Whether the turn, an episode's last, reached the goal. None: where the last turn was rewarded."""
    final_state: Labels | None = None
    """Key of the state after the turn; read at last turns of episodes that were cut off, None where it is not known."""


def number_labels(labels: Labels, name: str, count: int) -> Integers:
    """Return a number from 0 for each label, the same for equal ones, shape [turns].

    Args:
        labels: One a turn.
        name: What they are called.
        count: The number of turns.

    Raises:
        TypeError: One cannot be hashed.
        ValueError: There is not one a turn, or one is None or NaN, which says nothing.
    """
    return _number(_read_labels(labels, name, count), name)


def number_groups(turns: Turns, group: Labels) -> Integers:
    """Return a number from 0 for the group of each turn, shape [turns].

    Args:
        turns: Whole episodes.
        group: Id of each turn's group, integers or names.

    Raises:
        TypeError: An id is a boolean, a float or cannot be hashed.
        ValueError: There is not one a turn, one is None, or an episode lies in two groups.
    """
    ids = _read_labels(group, "group", len(turns))
    for label in ids:
        if isinstance(label, bool | np.bool_ | float | np.floating):
            raise TypeError(f"group holds {label} ({type(label).__name__}); it must hold integers or names")
    numbers = _number(ids, "group")
    of_episode = np.zeros(len(turns.num_turns), dtype=np.int64)
    of_episode[turns.episode_index] = numbers
    strays = np.flatnonzero(numbers != of_episode[turns.episode_index])
    if len(strays):
        row = strays[0]
        other = np.flatnonzero((turns.episode == turns.episode[row]) & (numbers != numbers[row]))[0]
        raise ValueError(
            f"episode {turns.episode[row]} lies in the groups {shorten(ids[row])} and {shorten(ids[other])};"
            " an episode belongs to one group, the episodes of one task from one start"
        )
    return numbers


def number_pairs(first: Integers, second: Integers) -> Integers:
    """Return a number from 0 for each pair of numbers, the same for equal pairs; both below their length."""
    pairs = first * len(second) + second
    return np.asarray(np.unique(pairs, return_inverse=True)[1], dtype=np.int64).reshape(-1)


def list_labels(labels: Labels, name: str, count: int) -> list[Hashable]:
    """Return labels as Python's own values; those of a list stay as they are, tuples and bytes with zeros too.

    Args:
        labels: One a turn.
        name: What they are called.
        count: The number of turns.

    Raises:
        ValueError: There is not one a turn.
    """
    entries: list[Hashable] = list(labels) if isinstance(labels, list | tuple) else as_vector(labels, name).tolist()
    check_count(entries, name, count)
    return entries


def _read_labels(labels: Labels, name: str, count: int) -> list[Hashable]:
    """Return labels that all say something."""
    entries = list_labels(labels, name, count)
    for row, label in enumerate(entries):
        if label is None or (isinstance(label, float | np.floating) and math.isnan(label)):
            raise ValueError(f"{name} is {label} at entry {row}; give every turn one, equal where it is the same")
    return entries


def _number(labels: list[Hashable], name: str) -> Integers:
    """Return a number for each label, in the order in which they come first."""
    numbers: dict[Hashable, int] = {}
    for row, label in enumerate(labels):
        try:
            numbers.setdefault(label, len(numbers))
        except TypeError:
            raise TypeError(
                f"{name} is {shorten(label)} at entry {row}, which cannot be hashed; give integers, texts or tuples"
            ) from None
    return np.array([numbers[label] for label in labels], dtype=np.int64)
