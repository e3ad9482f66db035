"""A batch of turns as flat arrays, checked once so that the estimators need not."""

from collections.abc import Sized
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]
LARGEST = 1e100
"""Largest size of a reward or value, so that sums over any number of turns stay below `LARGEST_SUM`."""
LARGEST_SUM = 1e140
"""Largest size of an estimate, so that its square can be summed too."""


@dataclass(frozen=True, eq=False)
class Turns:
    """Turns of whole episodes, one entry a turn, rows in any order.

    Args:
        episode: Integer id of the turn's episode, shape [turns].
        turn: Number of the turn in its episode; each episode has 0, 1, ... without gap or repeat.
        switch: Whether the agent declared a new segment at this turn. Turn 0 opens one in any case.
        terminated: Whether the environment ended the episode at this turn; only true at last turns. An
            episode whose last turn is not terminated was cut off by a step limit (truncated).
        reward: Reward of the turn, shaping included.
        value_low: Value of state and current subgoal.
        value_high: Value of the state before a subgoal is chosen; read at boundaries, may be NaN elsewhere.
        value_switch: Value of state and previous subgoal before KEEP or SWITCH; None when there is no such head.
        final_value: Value of the state after the turn; read at the last turn of truncated episodes only
            (truncation="bootstrap"), may be NaN elsewhere.

    Raises:
        TypeError: An array has the wrong kind of numbers.
        ValueError: Wrong shape, repeated or missing turns, an end in mid-episode, or a value that is no number or too
            large to be summed.
    """

    episode: Integers
    turn: Integers
    switch: Booleans
    terminated: Booleans
    reward: Floats
    value_low: Floats
    value_high: Floats
    value_switch: Floats | None = None
    final_value: Floats | None = None

    def __post_init__(self) -> None:
        for name in ("episode", "turn"):
            self._store(name, as_integers(getattr(self, name), name))
        for name in ("switch", "terminated"):
            self._store(name, as_booleans(getattr(self, name), name))
        for name in ("reward", "value_low", "value_high", "value_switch", "final_value"):
            if getattr(self, name) is not None:
                self._store(name, as_floats(getattr(self, name), name))
        self._check_lengths()
        self._check_sequence()
        self._check_numbers()

    def __len__(self) -> int:
        return len(self.episode)

    def _store(self, name: str, values: npt.NDArray[Any]) -> None:
        object.__setattr__(self, name, values)

    def _check_lengths(self) -> None:
        for name in (
            "turn",
            "switch",
            "terminated",
            "reward",
            "value_low",
            "value_high",
            "value_switch",
            "final_value",
        ):
            values = getattr(self, name)
            if values is not None and len(values) != len(self):
                raise ValueError(f"{name} has {len(values)} entries but episode has {len(self)}; give one entry a turn")

    def _check_sequence(self) -> None:
        follows = self.turn[self.order][1:] == self.turn[self.order][:-1] + 1
        opens = np.diff(self.episode[self.order]) != 0
        starts = self.turn[self.order] == 0
        wrong = ~np.where(opens, starts[1:], follows)
        if len(self) and not starts[0]:
            row = self.order[0]
        elif wrong.any():
            row = self.order[1:][wrong][0]
        else:
            return self._check_ends()
        episode, turn = self.episode[row], self.turn[row]
        if np.count_nonzero((self.episode == episode) & (self.turn == turn)) > 1:
            raise ValueError(
                f"turn {turn} of episode {episode} occurs more than once; estimate first and pad the batch afterwards"
            )
        raise ValueError(
            f"episode {episode} has turn {turn} but not every turn before it; give whole episodes numbered from 0"
        )

    def _check_ends(self) -> None:
        early = self.terminated & ~self.is_last
        if early.any():
            row = np.flatnonzero(early)[0]
            raise ValueError(
                f"episode {self.episode[row]} terminated at turn {self.turn[row]} but goes on after it;"
                " start a new episode id after an end"
            )

    def _check_numbers(self) -> None:
        everywhere = np.ones(len(self), dtype=bool)
        used = {
            "reward": everywhere,
            "value_low": everywhere,
            "value_high": self.boundary,
            "value_switch": everywhere,
            "final_value": self.is_last & ~self.terminated,
        }
        for name, rows in used.items():
            values = getattr(self, name)
            if values is None:
                continue
            bad = rows & ~(np.abs(values) <= LARGEST)
            if bad.any():
                row = np.flatnonzero(bad)[0]
                raise ValueError(
                    f"{name} is {values[row]} at turn {self.turn[row]} of episode {self.episode[row]};"
                    f" it must be a finite number of at most {LARGEST:g} in size"
                )

    @cached_property
    def order(self) -> Integers:
        """Rows sorted by episode, then turn."""
        return np.lexsort((self.turn, self.episode)).astype(np.int64)

    @cached_property
    def boundary(self) -> Booleans:
        """Whether a segment opens at the turn: turn 0, and every SWITCH."""
        return np.asarray(self.switch | (self.turn == 0), dtype=bool)

    @cached_property
    def episode_index(self) -> Integers:
        """Position of the turn's episode among the sorted episode ids."""
        return np.unique(self.episode, return_inverse=True)[1].astype(np.int64).reshape(-1)

    @cached_property
    def num_turns(self) -> Integers:
        """Number of turns of each episode, in the order of `episode_index`."""
        return np.bincount(self.episode_index, minlength=0).astype(np.int64)

    @cached_property
    def is_last(self) -> Booleans:
        """Whether the turn is the last of its episode."""
        return np.asarray(self.turn == self.num_turns[self.episode_index] - 1, dtype=bool)

    def rows_backwards(self) -> list[Integers]:
        """Rows grouped by turn number, last turn number first; each group in `episode_index` order."""
        by_turn = np.lexsort((self.episode, self.turn)).astype(np.int64)
        cuts = np.flatnonzero(np.diff(self.turn[by_turn])) + 1
        return np.split(by_turn, cuts)[::-1] if len(self) else []


def sum_rewards_to_come(turns: Turns, discount: float, after: Floats | None = None) -> Floats:
    """Return the discounted sum of the rewards from each turn to its episode's end, shape [turns].

    Args:
        turns: Whole episodes.
        discount: Discount per turn.
        after: Value of what follows each episode's last turn, in the order of `Turns.episode_index`; None: nothing.
    """
    out = np.zeros(len(turns))
    after = np.zeros(len(turns.num_turns)) if after is None else after.copy()
    for rows in turns.rows_backwards():
        at = turns.episode_index[rows]
        out[rows] = after[at] = turns.reward[rows] + discount * after[at]
    return out


def as_vector(values: Any, name: str) -> npt.NDArray[Any]:
    """Return `values` as an array of one dimension; what a masked array hides would come to light, and is refused."""
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise ValueError(f"{name} is an array with masked entries; fill them, or leave those turns out")
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}; give a flat array with one entry a turn")
    return array


def as_integers(values: Any, name: str) -> Integers:
    """Return `values` as int64, refusing anything but integers."""
    array = as_vector(values, name)
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"{name} holds {array.dtype} values; it must hold integers")
    return array.astype(np.int64)


def as_booleans(values: Any, name: str) -> Booleans:
    """Return `values` as booleans, refusing anything else."""
    array = as_vector(values, name)
    if array.size and array.dtype.kind != "b":
        raise TypeError(f"{name} holds {array.dtype} values; it must hold booleans (try {name}.astype(bool))")
    return array.astype(bool)


def as_floats(values: Any, name: str) -> Floats:
    """Return `values` as float64, refusing what is no real number."""
    array = as_vector(values, name)
    if array.size and array.dtype.kind not in "fiu":
        raise TypeError(f"{name} holds {array.dtype} values; it must hold real numbers")
    return array.astype(np.float64)


def as_mask(mask: Any, name: str, count: int) -> Booleans:
    """Return a mask over `count` turns, refusing anything else.

    Args:
        mask: One boolean a turn; 0 and 1 are no booleans, because ~1 and values[1] mean something else.
        name: What it is called.
        count: How many turns there are.

    Raises:
        TypeError: It holds no booleans.
        ValueError: It has another shape.
    """
    array = as_booleans(mask, name)
    check_count(array, name, count)
    return array


def check_count(array: Sized, name: str, count: int) -> None:
    """Refuse an array or list that has not one entry a turn.

    Args:
        array: What was given.
        name: What it is called.
        count: The number of turns.

    Raises:
        ValueError: There are more or fewer.
    """
    if len(array) != count:
        raise ValueError(f"{name} has {len(array)} entries but there are {count} turns; give one entry a turn")


def check_sizes(values: Floats, name: str) -> Floats:
    """Return values that may be NaN where none is assigned, refusing infinite and huge ones.

    Raises:
        ValueError: One is infinite or above `LARGEST_SUM`; the message says where.
    """
    bad = np.abs(values) > LARGEST_SUM
    if bad.any():
        row = np.flatnonzero(bad)[0]
        raise ValueError(
            f"{name} is {values[row]} at entry {row};"
            f" it must be NaN or a finite number of at most {LARGEST_SUM:g} in size"
        )
    return values
