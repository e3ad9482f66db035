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
_TAG_PAIRS = {tag: re.compile(rf"<{tag}>(.*?)</{tag}>", re.IGNORECASE | re.DOTALL) for tag in TAGS}
_ANY_TAG = re.compile(rf"</?(?:{'|'.join(TAGS)})>", re.IGNORECASE)


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
    if not _ANY_TAG.search(text):
        return Reply(text.strip(), "", False, ("no tags: the whole reply was taken as the action",))
    problems: list[str] = []
    switch, subgoal, action = (_first_inside(tag, text, problems) for tag in TAGS)
    word = switch.upper()
    if word not in ("KEEP", "SWITCH") and switch:
        problems.append(f"<switch> says {switch[:40]!r}, neither KEEP nor SWITCH: taken as KEEP")
    return Reply(action, subgoal, word == "SWITCH", tuple(problems))


def _first_inside(tag: str, text: str, problems: list[str]) -> str:
    pairs = _TAG_PAIRS[tag].findall(text)
    if not pairs:
        problems.append(f"no complete <{tag}>...</{tag}>")
        return ""
    if len(pairs) > 1:
        problems.append(f"{len(pairs)} <{tag}> tags: the first counts")
    return str(pairs[0]).strip()


def write_reply(action: str, subgoal: str = "", switches: bool = False) -> str:
    """Write the reply that `parse_reply` reads back."""
    word = "SWITCH" if switches else "KEEP"
    return f"<switch>{word}</switch><subgoal>{subgoal}</subgoal><action>{action}</action>"
