"""The compact policy's network: about 100,000 weights that score switches, subgoals and actions, and three values."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from hiper_agents.policies.compact.memory import (
    ACTION_FEATURES,
    STATE_FEATURES,
    SUBGOAL_FEATURES,
    ActionFeatures,
    TurnFeatures,
)
from hiper_agents.policies.compact.words import NUM_BUCKETS, PADDING

WORD_SIZE = 16
HIDDEN = 96
VALUE_HIDDEN = 64


@dataclass(frozen=True, eq=False)
class TurnBatch:
    """Features of several turns, the candidates of all of them in one list.

    Attributes:
        state: [turns, STATE_FEATURES].
        state_words: [turns, STATE_WORDS].
        subgoals: [candidates of all turns, SUBGOAL_FEATURES].
        subgoal_words: [candidates of all turns, SUBGOAL_WORDS].
        turn: The turn of each candidate, [candidates of all turns].
        first: Position of each turn's first candidate, [turns].
        current: Position of the open segment's subgoal within the turn's candidates, -1 for none, [turns].
    """

    state: Tensor
    state_words: Tensor
    subgoals: Tensor
    subgoal_words: Tensor
    turn: Tensor
    first: Tensor
    current: Tensor


@dataclass(frozen=True, eq=False)
class ActionBatch:
    """Admissible actions of several turns in one list, each as it looks under its turn's subgoal.

    Attributes:
        features: [actions of all turns, ACTION_FEATURES].
        words: [actions of all turns, ACTION_WORDS].
        turn: The turn of each action.
        first: Position of each turn's first action, [turns].
    """

    features: Tensor
    words: Tensor
    turn: Tensor
    first: Tensor


def batch_turns(turns: Sequence[TurnFeatures]) -> TurnBatch:
    """Put the features of several turns together."""
    turn, first = _number_turns([len(each.subgoals) for each in turns])
    return TurnBatch(
        state=_floats([each.state for each in turns], stack=True),
        state_words=_ids([each.state_words for each in turns], stack=True),
        subgoals=_floats([each.subgoals for each in turns]),
        subgoal_words=_ids([each.subgoal_words for each in turns]),
        turn=turn,
        first=first,
        current=torch.tensor([each.current for each in turns]),
    )


def batch_actions(actions: Sequence[ActionFeatures]) -> ActionBatch:
    """Put the admissible actions of several turns together."""
    turn, first = _number_turns([len(each.features) for each in actions])
    return ActionBatch(
        features=_floats([each.features for each in actions]),
        words=_ids([each.words for each in actions]),
        turn=turn,
        first=first,
    )


def _number_turns(counts: Sequence[int]) -> tuple[Tensor, Tensor]:
    sizes = torch.tensor(counts)
    first = torch.cumsum(sizes, 0) - sizes
    return torch.repeat_interleave(torch.arange(len(counts)), sizes), first


def _floats(arrays: Sequence[npt.NDArray[np.float32]], stack: bool = False) -> Tensor:
    return torch.from_numpy(np.stack(arrays) if stack else np.concatenate(arrays)).float()


def _ids(arrays: Sequence[npt.NDArray[np.int16]], stack: bool = False) -> Tensor:
    return torch.from_numpy(np.stack(arrays) if stack else np.concatenate(arrays)).long()


class CompactNetwork(nn.Module):
    """Scores for the three decisions, and values before each of them.

    Hashed words enter as learned vectors, everything else as features. The policy and the values share the word
    vectors only.
    """

    def __init__(self) -> None:
        super().__init__()
        text = WORD_SIZE + SUBGOAL_FEATURES
        self.words = nn.Embedding(NUM_BUCKETS, WORD_SIZE, padding_idx=PADDING)
        nn.init.normal_(self.words.weight, std=0.1)
        with torch.no_grad():
            self.words.weight[PADDING].zero_()
        self.state = nn.Sequential(nn.Linear(STATE_FEATURES + WORD_SIZE, HIDDEN), nn.ReLU())
        self.switch = _perceptron(HIDDEN + text, HIDDEN // 2)
        self.subgoal = _perceptron(HIDDEN + text + WORD_SIZE, HIDDEN)
        self.action_turn = nn.Linear(HIDDEN + text, HIDDEN)
        self.action_text = nn.Linear(ACTION_FEATURES + 2 * WORD_SIZE, HIDDEN)
        self.action = nn.Sequential(nn.ReLU(), nn.Linear(HIDDEN, HIDDEN // 2), nn.ReLU(), nn.Linear(HIDDEN // 2, 1))
        self.value_state = nn.Sequential(nn.Linear(STATE_FEATURES + WORD_SIZE, VALUE_HIDDEN), nn.ReLU())
        self.value_high = _perceptron(VALUE_HIDDEN, VALUE_HIDDEN)
        self.value_switch = _perceptron(VALUE_HIDDEN + text, VALUE_HIDDEN)
        self.value_low = _perceptron(VALUE_HIDDEN + text, VALUE_HIDDEN)

    def read_words(self, ids: Tensor) -> Tensor:
        """Return the summed vectors of hashed words over the square root of their number."""
        count = (ids != PADDING).sum(dim=-1, keepdim=True).clamp(min=1)
        summed: Tensor = self.words(ids).sum(dim=-2)
        return summed / count.sqrt()

    def encode(self, turns: TurnBatch) -> "Encoded":
        """Read the states and candidates of a batch."""
        words = self.read_words(turns.subgoal_words)
        inputs = torch.cat([turns.state, self.read_words(turns.state_words)], dim=-1)
        return Encoded(turns, self.state(inputs), self.value_state(inputs), words, turns.subgoals)

    def score_switch(self, encoded: "Encoded") -> Tensor:
        """Return the logit of SWITCH, [turns]; meaningless at turns without an open segment."""
        current = encoded.texts(encoded.turns.current.clamp(min=0))
        return _flat(self.switch(torch.cat([encoded.state, current], dim=-1)))

    def score_subgoals(self, encoded: "Encoded") -> Tensor:
        """Return the log-probabilities of the candidates, [candidates of all turns]."""
        turn = encoded.turns.turn
        state_words = self.read_words(encoded.turns.state_words)[turn]
        candidates = torch.cat([encoded.words, encoded.features, encoded.words * state_words], dim=-1)
        scores = _flat(self.subgoal(torch.cat([encoded.state[turn], candidates], dim=-1)))
        return log_softmax_by_turn(scores, turn, len(encoded.state))

    def score_actions(self, encoded: "Encoded", subgoal: Tensor, actions: ActionBatch) -> Tensor:
        """Return the log-probabilities of the actions, [actions of all turns], given each turn's subgoal.

        Args:
            encoded: The turns, encoded once for all choices.
            subgoal: Position of each turn's subgoal within the turn's candidates, [turns].
            actions: The admissible actions of all turns.
        """
        chosen = encoded.texts(subgoal)
        words = self.read_words(actions.words)
        product = words * chosen[:, :WORD_SIZE][actions.turn]
        of_turn = self.action_turn(torch.cat([encoded.state, chosen], dim=-1))[actions.turn]
        of_text = self.action_text(torch.cat([actions.features, words, product], dim=-1))
        scores = _flat(self.action(of_turn + of_text))
        return log_softmax_by_turn(scores, actions.turn, len(encoded.state))

    def values_before(self, encoded: "Encoded") -> tuple[Tensor, Tensor]:
        """Return the values before a subgoal is chosen and before KEEP or SWITCH, [turns] each.

        At turns without an open segment the second is the first: there is nothing to keep.
        """
        high = _flat(self.value_high(encoded.value_state))
        current = encoded.texts(encoded.turns.current.clamp(min=0))
        switch = _flat(self.value_switch(torch.cat([encoded.value_state, current], dim=-1)))
        return high, torch.where(encoded.turns.current >= 0, switch, high)

    def value_of_subgoal(self, encoded: "Encoded", subgoal: Tensor) -> Tensor:
        """Return the value of state and subgoal, [turns]."""
        return _flat(self.value_low(torch.cat([encoded.value_state, encoded.texts(subgoal)], dim=-1)))


@dataclass(frozen=True, eq=False)
class Encoded:
    """A batch of turns as the network reads it."""

    turns: TurnBatch
    state: Tensor
    value_state: Tensor
    words: Tensor
    features: Tensor

    def texts(self, position: Tensor) -> Tensor:
        """Return words and features of one candidate a turn, given its position within the turn's candidates."""
        rows = self.turns.first + position
        return torch.cat([self.words[rows], self.features[rows]], dim=-1)


def log_softmax_by_turn(scores: Tensor, turn: Tensor, num_turns: int) -> Tensor:
    """Return log-probabilities among the entries of each turn.

    Args:
        scores: One for each entry, [entries].
        turn: Each entry's turn, [entries].
        num_turns: How many turns there are.
    """
    top = torch.full((num_turns,), -torch.inf).scatter_reduce(0, turn, scores.detach(), "amax")
    shifted = scores - top[turn]
    total = torch.zeros(num_turns).index_add(0, turn, shifted.exp())
    return shifted - total.log()[turn]


def sum_by_turn(values: Tensor, turn: Tensor, num_turns: int) -> Tensor:
    """Return the sums of the entries of each turn, [turns].

    Args:
        values: One for each entry, [entries].
        turn: Each entry's turn, [entries].
        num_turns: How many turns there are.
    """
    return torch.zeros(num_turns).index_add(0, turn, values)


def _perceptron(inputs: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, 1))


def _flat(column: Tensor) -> Tensor:
    return column.squeeze(-1)
