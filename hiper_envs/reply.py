"""The one parser of agents' replies.

A reply is `<switch>KEEP|SWITCH</switch><subgoal>...</subgoal><action>...</action>`. Every reply, however
ill-formed, has one meaning:

* The first complete pair of each tag counts, in any case of letters; text outside the tags is ignored.
* Anything in `<switch>` but SWITCH, and a missing switch, means KEEP.
* A missing `<subgoal>` is the empty subgoal.
* A reply without any of the three tags is an action as a whole (a flat agent's reply).
* A reply with tags but no `<action>` has the empty action, which every environment takes as an invalid one.

What was wrong stands in `Reply.problems`, a sentence each.
"""

import re
from typing import NamedTuple

TAGS = ("switch", "subgoal", "action")
_TAG = re.compile(rf"<(/?)({'|'.join(TAGS)})>", re.IGNORECASE)


class Reply(NamedTuple):
    """What a reply says.

    Attributes:
        action: The primitive action for the environment, stripped.
        subgoal: The declared subgoal, stripped.
        switches: Whether the agent asks for a new segment.
        problems: One sentence for each way in which the text was ill-formed.
    """

    action: str
    subgoal: str
    switches: bool
    problems: tuple[str, ...] = ()


def parse_reply(text: str) -> Reply:
    """Read an agent's whole reply.

    Args:
        text: The reply as the agent wrote it.

    Returns:
        Its one meaning, see the module's documentation.

    Raises:
        TypeError: `text` is no string.
    """
    if not isinstance(text, str):
        raise TypeError(f"a reply must be a string, got {type(text).__name__} ({text!r:.60})")
    tags = list(_TAG.finditer(text))
    if not tags:
        return Reply(text.strip(), "", False, ("no tags: the whole reply was taken as the action",))
    problems: list[str] = []
    switch, subgoal, action = (_first_inside(tag, text, tags, problems) for tag in TAGS)
    word = (switch or "").upper()
    if switch is not None and word not in ("KEEP", "SWITCH"):
        problems.append(f"<switch> says {switch[:40]!r}, neither KEEP nor SWITCH: taken as KEEP")
    return Reply(action or "", subgoal or "", word == "SWITCH", tuple(problems))


def _first_inside(tag: str, text: str, tags: list[re.Match[str]], problems: list[str]) -> str | None:
    """Return what stands in the first complete pair; one pass, so that no reply takes long to read."""
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


def write_reply(action: str, subgoal: str = "", switches: bool = False) -> str:
    """Write the reply that `parse_reply` reads back."""
    word = "SWITCH" if switches else "KEEP"
    return f"<switch>{word}</switch><subgoal>{subgoal}</subgoal><action>{action}</action>"
