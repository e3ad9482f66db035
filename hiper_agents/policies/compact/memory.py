"""What the compact policy remembers of an episode from its texts alone, and the features it reads off its memory."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from hiper_agents.policies.compact.words import hash_words, pad_rows

STATE_FEATURES = 40
SUBGOAL_FEATURES = 20
ACTION_FEATURES = 56
STATE_WORDS = 32
SUBGOAL_WORDS = 8
ACTION_WORDS = 8

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class TurnFeatures:
    """What is seen before anything is decided: the state and the subgoals that could be chosen.

    Attributes:
        state: Features of the state, shape [STATE_FEATURES].
        state_words: Hashed words, shape [STATE_WORDS].
        subgoals: Features of each candidate, shape [candidates, SUBGOAL_FEATURES].
        subgoal_words: Hashed words of each, shape [candidates, SUBGOAL_WORDS].
        current: Position of the open segment's subgoal among them; -1 before the first turn.
    """

    state: Floats
    state_words: Ids
    subgoals: Floats
    subgoal_words: Ids
    current: int


@dataclass(frozen=True, eq=False)
class ActionFeatures:
    """The actions to choose from as they look under one subgoal.

    Attributes:
        features: Shape [actions, ACTION_FEATURES].
        words: Hashed words, shape [actions, ACTION_WORDS].
    """

    features: Floats
    words: Ids


class Decided(Protocol):
    """What a memory keeps of a decision: the subgoal's position, whether a segment opened, the action's text."""

    @property
    def subgoal(self) -> int: ...  # noqa: D102
    @property
    def is_boundary(self) -> bool: ...  # noqa: D102
    @property
    def command(self) -> str: ...  # noqa: D102


class Memory(ABC):
    """The memory of one episode.

    Subclasses know how one world writes its texts. They see observations, the instruction and the admissible
    actions, and the actions that were taken; nothing else of `info`. Without subgoals, for a flat agent, the
    instruction stands where the subgoal would.

    Args:
        instruction: The goal as the world says it.
        observation: The first observation.
        admissible: The first admissible actions.
        has_subgoals: Whether the agent chooses subgoals.

    Attributes:
        candidates: The subgoals to choose from.
        actions: The actions to choose from.
    """

    def __init__(
        self, instruction: str, observation: str, admissible: Sequence[str], has_subgoals: bool = True
    ) -> None:
        self.instruction = instruction
        self.has_subgoals = has_subgoals
        self.turn = 0
        self.age = 0
        self.current = -1
        self.last_action = ""
        self.taken: Counter[str] = Counter()
        self.chosen: Counter[int] = Counter()
        self.observation = observation
        self.admissible = list(admissible)
        candidates = self.list_subgoals()
        self.candidates = candidates if has_subgoals else [instruction]
        self.read(observation)
        self.actions = self.list_actions()

    @property
    def subgoal(self) -> str:
        """The open segment's subgoal; empty before the first turn."""
        return self.candidates[self.current] if self.current >= 0 else ""

    def remember(self, decision: Decided) -> None:
        """Keep what was decided, before it is carried out."""
        self.age = 0 if decision.is_boundary else self.age + 1
        self.chosen[decision.subgoal] += decision.is_boundary
        self.current = decision.subgoal
        self.last_action = decision.command
        self.taken[decision.command] += 1

    def observe(self, observation: str, admissible: Sequence[str]) -> None:
        """Keep what came back."""
        self.turn += 1
        self.observation, self.admissible = observation, list(admissible)
        self.read(observation)
        self.actions = self.list_actions()

    def features(self) -> TurnFeatures:
        """Return the features of the state and of all candidate subgoals."""
        positions = range(len(self.candidates) if self.has_subgoals else 0)
        subgoals = [self.describe_subgoal(position) for position in positions] or [[]]
        words = [hash_words(self.subgoal_words(text), SUBGOAL_WORDS) for text in self.candidates]
        return TurnFeatures(
            state=pad_rows([self.describe_state()], STATE_FEATURES)[0],
            state_words=np.array(hash_words(self.state_words(), STATE_WORDS), dtype=np.int16),
            subgoals=pad_rows(subgoals, SUBGOAL_FEATURES),
            subgoal_words=np.array(words, dtype=np.int16),
            current=self.current,
        )

    def action_features(self, subgoal: str) -> ActionFeatures:
        """Return the features of `actions` under a subgoal; for a flat agent, under the instruction."""
        rows = self.describe_actions(subgoal)
        words = [hash_words(self.action_words(action), ACTION_WORDS) for action in self.actions]
        return ActionFeatures(
            pad_rows(rows, ACTION_FEATURES), np.array(words, dtype=np.int16).reshape(-1, ACTION_WORDS)
        )

    def common_subgoal_features(self, position: int) -> list[float]:
        """Return what is of use for a candidate in any world."""
        is_current = position == self.current
        return [float(is_current), min(self.age, 10) / 10 if is_current else 0.0, min(self.chosen[position], 4) / 4]

    def find_subgoal(self, text: str) -> int | None:
        """Return the position of a subgoal among the candidates, or None."""
        return self.candidates.index(text) if text in self.candidates else None

    def find_action(self, action: str) -> int:
        """Return the position of an action among `actions`, -1 if it is none of them."""
        return self.actions.index(action) if action in self.actions else -1

    def list_actions(self) -> list[str]:
        """Return the actions to choose from: the admissible ones, where no world has more to offer."""
        return self.admissible

    @abstractmethod
    def list_subgoals(self) -> list[str]:
        """Return the candidate subgoals, made from the instruction alone."""

    @abstractmethod
    def read(self, observation: str) -> None:
        """Take in an observation that follows `last_action` (the first one: the instruction)."""

    @abstractmethod
    def describe_state(self) -> list[float]:
        """Return at most STATE_FEATURES numbers."""

    @abstractmethod
    def state_words(self) -> tuple[str, ...]:
        """Return words worth remembering of the state, at most STATE_WORDS of which are used."""

    @abstractmethod
    def describe_subgoal(self, position: int) -> list[float]:
        """Return at most SUBGOAL_FEATURES numbers for a candidate."""

    @abstractmethod
    def subgoal_words(self, subgoal: str) -> tuple[str, ...]:
        """Return the words of a subgoal that the network is to know."""

    @abstractmethod
    def describe_actions(self, subgoal: str) -> list[list[float]]:
        """Return at most ACTION_FEATURES numbers for each of `actions`."""

    @abstractmethod
    def action_words(self, action: str) -> tuple[str, ...]:
        """Return the words of an action that the network is to know."""
