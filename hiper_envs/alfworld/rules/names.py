"""The names that players see: 'Cabinet_bar__plus_00_dot_68_bar_...' is 'cabinet 3'."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence


def name_entities(ids: Iterable[str], shuffle: random.Random | None = None) -> dict[str, str]:
    """Return the name of each entity.

    The class is the text before '_bar_', and 'basin' after it if the id has that word anywhere. Within a class the
    first id in sorted order gets the highest number. An id without '_bar_' is a name by itself, with a space after it.

    Args:
        ids: Every entity that occurs in any of the first facts, in lowercase.
        shuffle: Deals the numbers out in random order instead.
    """
    ordered = sorted(set(ids))
    if shuffle is not None:
        shuffle.shuffle(ordered)
    classes = {entity: _read_class(entity) for entity in ordered}
    remaining = Counter(kind for kind in classes.values() if kind is not None)
    names = {}
    for entity, kind in classes.items():
        if kind is None:
            names[entity] = f"{_unescape(entity)} "
        else:
            names[entity] = f"{kind} {remaining[kind]}"
            remaining[kind] -= 1
    return names


def _read_class(entity: str) -> str | None:
    """Return the class that an id names, or None if it names none."""
    head, mark, _ = entity.partition("_bar_")
    if not mark:
        return None
    kind = _unescape(head) if "_" in head else head
    return kind + "basin" if "basin" in entity else kind


def _unescape(text: str) -> str:
    return text.replace("_minus_", "-").replace("_plus_", "+").replace("_dot_", ".").replace("_comma_", ",")


def join_list(phrases: Sequence[str]) -> str:
    """Return 'nothing', 'A', 'A, and B' or 'A, B, and C'."""
    if len(phrases) > 1:
        return f"{', '.join(phrases[:-1])}, and {phrases[-1]}"
    return phrases[0] if phrases else "nothing"
