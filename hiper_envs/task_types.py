"""The types of ALFWorld's tasks, and which of them an id names."""

import re
from collections.abc import Mapping
from typing import Literal

TaskKind = Literal["pick", "look_at", "clean", "heat", "cool", "pick_two"]
TASK_KINDS: Mapping[str, TaskKind] = {
    "pick_and_place_simple": "pick",
    "look_at_obj_in_light": "look_at",
    "pick_clean_then_place_in_recep": "clean",
    "pick_heat_then_place_in_recep": "heat",
    "pick_cool_then_place_in_recep": "cool",
    "pick_two_obj_and_place": "pick_two",
}
"""alfworld's word for a type of task, as in the names of its folders, to the kind of goal."""
_TYPE_WORD = re.compile("|".join(TASK_KINDS))


def task_type(task_id: str) -> str:
    """Return the type that an ALFWorld task id names ("pick two"), or "" if the id names none."""
    found = _TYPE_WORD.search(task_id)
    return TASK_KINDS[found.group()].replace("_", " ") if found else ""
