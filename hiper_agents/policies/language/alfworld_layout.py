"""ALFWorld in the compact layout: what an observation says, and of the admissible actions those on things at hand.

What can be examined is what is there, and `look`, `inventory` and `help` are always possible: those actions are not
listed. What can be taken from one place is listed at once, `take mug 1, cup 2 from desk 1`. So are the places to go to
that the text has not come to yet, `go to desk 1, shelf 2 3`, while something is looked for: the hands are empty, or a
lamp is wanted. The first page names them all, and where nothing happened all of them are listed again. What a small
model cannot hold in mind, which places are left, it reads.

Of several goals in a sequence the task's line has the sentence of the one that is due, as if it were the only one.
"""

import re
from collections.abc import Sequence
from itertools import groupby

from hiper_agents.policies.language.compact_layout import BETWEEN, CompactScript
from hiper_envs.alfworld.reading import TASK_PREFIX, read_due, read_goals, read_observation

LISTED = frozenset(("take", "move", "put", "clean", "heat", "cool", "use", "open", "slice"))
"""Verbs of the actions that are listed."""
_TAKE, _GO, _LAMP = "take ", "go to ", "lamp"
_TAKING = re.compile(rf"{_TAKE}.+(?= from )")
_WELCOME = "-= Welcome to TextWorld, ALFRED! =-"


class ALFWorldScript(CompactScript):
    """Writes one episode of ALFWorld."""

    def begin(self) -> None:
        """Read which goals there are."""
        sentences, is_sequence = read_goals(self.instruction)
        self._sentences = sentences if is_sequence else ()
        self._goal = sentences[0] if is_sequence else self.instruction

    def read_progress(self, observation: str) -> bool:
        """Read which goal is due; return whether that is another one than before."""
        due = read_due(observation) if self._sentences else ""
        is_new = due in self._sentences and due != self._goal
        if is_new:
            self._goal = due
        return is_new

    def write_task(self) -> str:
        """Return the sentence of the goal that is due; the whole instruction where all are."""
        return self._goal

    def forget(self) -> None:
        """Forget where one has been."""
        self._visited: set[str] = set()
        self._holds = False

    def write_page(self, observation: str, admissible: Sequence[str]) -> tuple[str, Sequence[str]]:
        """Return the observation without the welcome and the task, and the actions on things at hand."""
        page = observation.removeprefix(_WELCOME)
        body, task, told = page.partition(f"\n\n{TASK_PREFIX}")
        is_repeated = task and _bare(told) == _bare(self.instruction)
        acts = [*self._list_ways(page, admissible), *_list_acts(admissible)]
        return (body if is_repeated else page).strip(), acts

    def _list_ways(self, page: str, admissible: Sequence[str]) -> Sequence[str]:
        """Return the places to go to, as one action."""
        seen = read_observation(page)
        self._visited.add(seen.arrival)
        if seen.deed is not None and seen.deed.verb in ("take", "put"):
            self._holds = seen.deed.verb == "take"
        places = [action.removeprefix(_GO) for action in admissible if action.startswith(_GO)]
        if not seen.is_refused:
            is_searching = self.turn > 0 and (not self._holds or _LAMP in self._goal)
            places = [place for place in places if is_searching and place not in self._visited]
        return [_GO + BETWEEN.join(_group(places))] if places else []


def _group(places: Sequence[str]) -> Sequence[str]:
    """Return places of the same name as one, with all their numbers: `drawer 1 2 3`."""
    named = [place.rpartition(" ")[::2] for place in places]
    groups = groupby(named, key=lambda each: each[0])
    return [" ".join([name, *(number for _, number in group)]).strip() for name, group in groups]


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
