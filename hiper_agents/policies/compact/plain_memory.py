"""Memory for any text world: word overlaps between instruction, subgoal, action and observation."""

import re

from hiper_agents.policies.compact.memory import Memory
from hiper_agents.policies.compact.words import content_words, overlap, split_words

_CLAUSE = re.compile(r"\s*(?:,\s*then\b|,|;|\bthen\b|\band\b)\s*")


class PlainMemory(Memory):
    """Candidate subgoals are the clauses of the instruction."""

    def list_subgoals(self) -> list[str]:
        """Return the instruction's clauses, in order, without repeats."""
        clauses = [clause for clause in _CLAUSE.split(self.instruction.strip(" .")) if clause]
        return list(dict.fromkeys(clauses)) or [self.instruction]

    def read(self, observation: str) -> None:
        """Keep the words of the last two observations."""
        self._before: frozenset[str] = getattr(self, "_words", frozenset())
        self._words = content_words(observation)

    def describe_state(self) -> list[float]:
        """Return how far the episode is, and whether anything changed."""
        last = content_words(self.last_action)
        return [
            min(self.turn, 50) / 50,
            float(self._words == self._before),
            overlap(last, self._words),
            min(self.age, 10) / 10,
            overlap(content_words(self.subgoal), self._words),
        ]

    def state_words(self) -> tuple[str, ...]:
        """Return the words of the observation."""
        return split_words(self.observation)

    def describe_subgoal(self, position: int) -> list[float]:
        """Return overlaps of the candidate with what is seen and what was done."""
        words = content_words(self.candidates[position])
        done = max((overlap(words, content_words(action)) for action in self.taken), default=0.0)
        return [
            *self.common_subgoal_features(position),
            overlap(words, self._words),
            done,
            overlap(words, content_words(self.last_action)),
            position / max(1, len(self.candidates) - 1),
            float(position == self.current + 1),
        ]

    def subgoal_words(self, subgoal: str) -> tuple[str, ...]:
        """Return all its words."""
        return split_words(subgoal)

    def describe_actions(self, subgoal: str) -> list[list[float]]:
        """Return overlaps of each action with subgoal, instruction, observation, and how often it was taken."""
        wanted, asked = content_words(subgoal), content_words(self.instruction)
        rows = []
        for action in self.actions:
            words = content_words(action)
            rows.append(
                [
                    overlap(words, wanted),
                    overlap(wanted, words),
                    overlap(words, asked),
                    overlap(words, self._words),
                    min(self.taken[action], 3) / 3,
                    float(action == self.last_action),
                    float(words <= wanted),
                ]
            )
        return rows

    def action_words(self, action: str) -> tuple[str, ...]:
        """Return all its words."""
        return split_words(action)
