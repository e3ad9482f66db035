"""What an action's text asks for."""

from __future__ import annotations

CLICK_START = "click["
_NOT_IN_A_SEARCH = str.maketrans("[]\n\r", "    ")


def parse_click(action: str) -> str:
    """Return the lowercase text that an action clicks, "" if it clicks nothing.

    A text with brackets or line breaks of its own is taken whole; `parse_action` would find no click in it.
    """
    verb, argument = parse_action(action)
    if verb != "click":
        is_click = verb != "search" and action.startswith(CLICK_START)
        argument = action[len(CLICK_START) : action.rfind("]")] if is_click else ""
    return argument.lower()


def parse_action(action: str) -> tuple[str, str]:
    r"""Split "verb[argument]" at the last bracket that leaves an argument before the last "]"; no match gives "", "".

    Equal to matching ``(.+)\[(.+)\]`` from the start, in linear time.
    """
    line = action.split("\n", 1)[0]
    stop = line.rfind("]")
    start = line.rfind("[", 0, max(0, stop - 1))
    return (line[:start], line[start + 1 : stop]) if start > 0 else ("", "")


def make_searchable(text: str) -> str:
    """Return the text with blanks for the characters that would end a search action early."""
    return text.translate(_NOT_IN_A_SEARCH)
