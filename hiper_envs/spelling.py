"""Actions that differ from admissible ones in nothing but case.

The code of HiPER and of verl-agent lowers every action before it plays it; here an action is exact, unless somebody
asks for this.
"""

from collections.abc import Mapping
from typing import Any

SEARCH_START = "search["


def find_spelling(action: str, info: Mapping[str, Any]) -> str | None:
    """Return how an action is spelt, if it is admissible but for case and outer blanks.

    Args:
        action: The action as written.
        info: The environment's info before the action; its `admissible_actions` are compared. In the shop, which is
            where there is `has_search_bar`, "Search[Red Shoes]" is spelt "search[Red Shoes]", on every page: the verb
            is what the shop reads exactly, the words are the agent's.

    Returns:
        The one admissible action that is meant; None where the action is admissible as it stands, and where none or
        more than one differs from it only in case.
    """
    admissible = info.get("admissible_actions") or ()
    if not action or action in admissible:
        return None
    wanted = action.strip().casefold()
    meant = {other for other in admissible if other.strip().casefold() == wanted}
    if meant:
        return meant.pop() if len(meant) == 1 else None
    is_search = "has_search_bar" in info and wanted.startswith(SEARCH_START) and wanted.endswith("]")
    start = action.strip()[: len(SEARCH_START)]
    if not is_search or start == SEARCH_START:
        return None
    return SEARCH_START + action.strip()[len(SEARCH_START) :]
