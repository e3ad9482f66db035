"""How replies were read before version 2 of `hiper_envs.reply`, so that records from then replay as they were played.

Version 1 took a tag in a thought for a tag, the outermost of nested tags, and a missing switch or subgoal for a
problem, also of an agent that declares none.
"""

import re

_TAGS = ("switch", "subgoal", "action")
_TAG = re.compile(rf"<(/?)({'|'.join(_TAGS)})>", re.IGNORECASE)


def parse_earlier_reply(text: str) -> tuple[str, str, bool, tuple[str, ...]]:
    """Return action, subgoal, whether the reply switches, and its problems, as version 1 read them."""
    tags = list(_TAG.finditer(text))
    if not tags:
        return text.strip(), "", False, ("no tags: the whole reply was taken as the action",)
    problems: list[str] = []
    switch, subgoal, action = (_first_inside(tag, text, tags, problems) for tag in _TAGS)
    word = (switch or "").upper()
    if switch is not None and word not in ("KEEP", "SWITCH"):
        problems.append(f"<switch> says {switch[:40]!r}, neither KEEP nor SWITCH: taken as KEEP")
    return action or "", subgoal or "", word == "SWITCH", tuple(problems)


def _first_inside(tag: str, text: str, tags: list[re.Match[str]], problems: list[str]) -> str | None:
    inside: list[str] = []
    opened: int | None = None
    for match in tags:
        if match[2].lower() != tag:
            continue
        if not match[1] and opened is None:
            opened = match.end()
        elif match[1] and opened is not None:
            inside.append(text[opened : match.start()])
            opened = None
    if not inside:
        problems.append(f"no complete <{tag}>...</{tag}>")
        return None
    if len(inside) > 1:
        problems.append(f"{len(inside)} <{tag}> tags: the first counts")
    return inside[0].strip()
