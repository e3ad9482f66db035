"""ALFWorld in the compact layout: what an observation says, and of the admissible actions those on things at hand.

Where one can go stands in the first page, what can be examined is what is there, and `look`, `inventory` and `help` are
always possible: those actions are not listed. What can be taken from one place is listed at once, `take mug 1, cup 2
from desk 1`.
"""

import re
from collections.abc import Sequence
from itertools import groupby

from hiper_agents.policies.language.compact_layout import BETWEEN, CompactScript
from hiper_envs.alfworld.reading import TASK_PREFIX

LISTED = frozenset(("take", "move", "put", "clean", "heat", "cool", "use", "open", "slice"))
"""Verbs of the actions that are listed."""
_TAKE = "take "
_TAKING = re.compile(rf"{_TAKE}.+(?= from )")
_WELCOME = "-= Welcome to TextWorld, ALFRED! =-"


class ALFWorldScript(CompactScript):
    """Writes one episode of ALFWorld."""

    def write_page(self, observation: str, admissible: Sequence[str]) -> tuple[str, Sequence[str]]:
        """Return the observation without the welcome and the task, and the actions on things at hand."""
        page = observation.removeprefix(_WELCOME)
        body, task, told = page.partition(f"\n\n{TASK_PREFIX}")
        is_repeated = task and _bare(told) == _bare(self.instruction)
        return (body if is_repeated else page).strip(), _list_acts(admissible)


def _bare(sentence: str) -> str:
    return sentence.strip().removesuffix(".")


def _list_acts(admissible: Sequence[str]) -> Sequence[str]:
    listed = [action for action in admissible if action.partition(" ")[0] in LISTED]
    groups = groupby(listed, key=lambda action: _TAKING.sub("", action) if _TAKING.match(action) else None)
    return [act for tail, actions in groups for act in _join(tail, list(actions))]


def _join(tail: str | None, actions: Sequence[str]) -> Sequence[str]:
    """Return actions as they are listed: as one where they take things from the same place."""
    if tail is None or len(actions) < 2:
        return actions
    things = BETWEEN.join(action.removesuffix(tail).removeprefix(_TAKE) for action in actions)
    return [f"{_TAKE}{things}{tail}"]
