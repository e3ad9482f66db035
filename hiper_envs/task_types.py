"""The type of a task, as far as its id tells."""

import re

TYPES_BY_WORD = {
    "pick_and_place_simple": "pick",
    "look_at_obj_in_light": "look at",
    "pick_clean_then_place_in_recep": "clean",
    "pick_heat_then_place_in_recep": "heat",
    "pick_cool_then_place_in_recep": "cool",
    "pick_two_obj_and_place": "pick two",
}
_TYPE_WORD = re.compile("|".join(TYPES_BY_WORD))


def task_type(task_id: str) -> str:
    """Return the type that an ALFWorld task id names ("clean"), or "" if the id names none."""
    found = _TYPE_WORD.search(task_id)
    return TYPES_BY_WORD[found.group()] if found else ""
