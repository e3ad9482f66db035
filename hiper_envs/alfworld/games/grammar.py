"""Which rules a game file carries: the domain's actions and the grammar's texts.

The fast engine states the rules of one domain and one grammar by itself. This module reads the parts that differ from
game to game (the task, the two wordings) out of the file and makes sure that all the rest is what the engine plays.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal, NamedTuple

from hiper_envs.alfworld.games.expressions import Expression, ExpressionError, read_expression

Wording = Literal["move", "put"]

HELP_TEXT = """Available commands:
  look:                             look around your current location
  inventory:                        check your current inventory
  go to (receptacle):               move to a receptacle
  open (receptacle):                open a receptacle
  close (receptacle):               close a receptacle
  take (object) from (receptacle):  take an object from a receptacle
  move (object) to (receptacle):  place an object in or on a receptacle
  examine (something):              examine a receptacle or an object
  use (object):                     use an object
  heat (object) with (receptacle):  heat an object using a receptacle
  clean (object) with (receptacle): clean an object using a receptacle
  cool (object) with (receptacle):  cool an object using a receptacle
  slice (object) with (object):     slice an object using a sharp object
"""
TASK_PREFIX = "Your task is to: "
UNKNOWN_TASK = "UNKNOWN GOAL"

# Fingerprints of alfworld 0.4.2's alfred.pddl and alfred.twl2 without the parts that vary; see fingerprint().
DOMAIN_FINGERPRINT = "12074cbf3a2215a889d948460bce1637"
GRAMMAR_FINGERPRINT = "7884364ff88e0207a09ef99c594fdd7a"

WORDINGS: dict[Wording, tuple[str, str, str]] = {
    "move": ("You arrive at {r.name}.", "move {o} to {r}", "You move the {o.name} to the {r.name}."),
    "put": ("You arrive at {lend.name}.", "put {o} in/on {r}", "You put the {o.name} in/on the {r.name}."),
}
ARRIVAL_END = " #examineReceptacle.feedback#"
USED_RULES = (
    "intro",
    "OpenObject.feedback",
    "CloseObject.feedback",
    "PickupObject.feedback",
    "inventory.feedback",
    "examineReceptacle.feedback",
    "examineObject.feedback",
    "toggleObject.feedback",
    "heatObject.feedback",
    "cleanObject.feedback",
    "coolObject.feedback",
    "sliceObject.feedback",
    "look.feedback",
    "look-variations",
    "list_objects_on_the_floor",
    "list_appliances",
    "overview(o)",
    "overview(r)",
    "list_empty",
    "list_separator",
    "list_last_separator",
)
USED_ACTIONS = (
    "GotoLocation",
    "OpenObject",
    "CloseObject",
    "PickupObject",
    "inventory",
    "examineReceptacle",
    "examineObject",
    "ToggleObject",
    "HeatObject",
    "CleanObject",
    "CoolObject",
    "SliceObject",
    "look",
)

BASIN, SINK = "sinkbasin", "sink"
HELP_ACTION: Expression = [
    ":action", "help", ":parameters", ["?a", "-", "agent"], ":precondition", [], ":effect", ["and", ["checked", "?a"]]
]  # fmt: skip
CLEANS_IN_SINKS: Expression = ["receptacletype", "?r", "sinktype"]
COMMENTED_SINK = re.compile(r";(?=\(receptacleType \?r SinkType\))")

# Characters with a meaning in templates.
NOT_PLAIN = re.compile(r'[;|"<>\[\]#{}]')
RULE_BLOCK = re.compile(r'grammar\s*::\s*"""(.*?)"""', re.DOTALL)
ACTION = re.compile(
    r'action\s+(\w+)\s*\{\s*template\s*::\s*"((?:[^"\\]|\\.)*)"\s*;\s*feedback\s*::\s*"((?:[^"\\]|\\.)*)"\s*;'
)


class GrammarError(ValueError):
    """The grammar or the domain is not one that the fast engine plays."""


class GrammarTexts(NamedTuple):
    """What a game file's grammar says of its own.

    Attributes:
        task: The goal sentence without 'Your task is to: ' and the full stop.
        wording: "move" for 'move O to R', "put" for the old 'put O in/on R'.
        help_text: The answer to 'help'; None where the grammar has no such action.
    """

    task: str
    wording: Wording
    help_text: str | None


class DomainRules(NamedTuple):
    """What a game file's domain says of its own.

    Attributes:
        has_help: Whether it has the action 'help'.
        sink_types: The types of receptacle that clean, in lowercase without 'type'. The released games clean in a Sink
            too, which the domain of alfworld 0.4.2 has commented out.
    """

    has_help: bool
    sink_types: tuple[str, ...]


@lru_cache(maxsize=64)
def read_domain(text: str) -> DomainRules:
    """Make sure that the domain is ALFRED's and return what it says of its own.

    Raises:
        GrammarError: It is another domain.
    """
    try:
        domain = read_expression(text)
    except ExpressionError as error:
        raise GrammarError(f"is no PDDL domain ({error})") from error
    rules = _lowercase([part for part in domain if isinstance(part, list)])
    has_help = HELP_ACTION in rules
    if has_help:
        rules.remove(HELP_ACTION)
    cleans_in_sinks = _drop(rules, CLEANS_IN_SINKS)
    if fingerprint(rules) != DOMAIN_FINGERPRINT:
        raise GrammarError("is not ALFWorld's domain")
    return DomainRules(has_help, (BASIN, SINK) if cleans_in_sinks else (BASIN,))


def _lowercase(expression: Expression) -> Expression:
    return [word.lower() if isinstance(word, str) else _lowercase(word) for word in expression]


def _drop(rules: Expression, clause: Expression) -> bool:
    """Take a clause out of the first alternative of the action that cleans; return whether it was there."""
    for rule in rules:
        if isinstance(rule, list) and rule[:2] == [":action", "cleanobject"]:
            for alternative in _find(rule, "or"):
                if clause in alternative:
                    alternative.remove(clause)
                    return True
    return False


def _find(expression: Expression, head: str) -> Iterator[Expression]:
    """Yield the groups inside an expression that begin with a word."""
    for part in expression:
        if isinstance(part, list):
            if part[:1] == [head]:
                yield part
            yield from _find(part, head)


@lru_cache(maxsize=256)
def read_grammar(text: str) -> GrammarTexts:
    """Return what the grammar says of its own.

    Raises:
        GrammarError: It words things in a way that the fast engine does not know.
    """
    rules = _read_rules(text)
    actions = {name: (template, feedback) for name, template, feedback in ACTION.findall(text)}
    used = [[rules.get(name) for name in USED_RULES], [actions.get(name) for name in USED_ACTIONS]]
    if fingerprint(used) != GRAMMAR_FINGERPRINT:
        raise GrammarError("words its texts in a way of its own")
    task = _only_text(rules, "task")
    if not task.startswith(TASK_PREFIX) or not task.endswith(".") or NOT_PLAIN.search(task):
        raise GrammarError(f"has a rule 'task' that is not '{TASK_PREFIX}... .' in plain words")
    return GrammarTexts(task[len(TASK_PREFIX) : -1], _read_wording(rules, actions), _read_help(rules, actions))


def _read_rules(text: str) -> dict[str, list[dict[str, str]]]:
    rules: dict[str, list[dict[str, str]]] = {}
    for block in RULE_BLOCK.findall(text):
        try:
            found = json.loads(block)
        except (ValueError, RecursionError) as error:
            raise GrammarError(f"holds a block of rules that is no JSON ({error})") from error
        if not isinstance(found, dict):
            raise GrammarError("holds a block of rules that is no JSON object")
        rules.update(found)
    return rules


def _only_text(rules: dict[str, list[dict[str, str]]], name: str) -> str:
    found = rules.get(name)
    match found:
        case [{"rhs": str(text), **more}] if not more:
            return text
    raise GrammarError(f"lacks the rule {name!r} with one text")


def _read_wording(rules: dict[str, list[dict[str, str]]], actions: dict[str, tuple[str, str]]) -> Wording:
    arrival = _only_text(rules, "GotoLocation.feedback").removesuffix(ARRIVAL_END)
    template, feedback = actions.get("PutObject", ("", ""))
    found = (arrival, template, _only_text(rules, "PutObject.feedback"))
    for wording, texts in WORDINGS.items():
        if found == texts and feedback == "#PutObject.feedback#":
            return wording
    raise GrammarError(f"puts objects down and arrives in unknown words: {found}")


def _read_help(rules: dict[str, list[dict[str, str]]], actions: dict[str, tuple[str, str]]) -> str | None:
    if "help" not in actions:
        return None
    template, feedback = actions["help"]
    if template != "help":
        raise GrammarError(f"asks for help with {template!r}")
    text = _only_text(rules, "help.feedback") if feedback == "#help.feedback#" else feedback
    if NOT_PLAIN.search(text):
        raise GrammarError("answers 'help' with more than plain text")
    return text.lstrip()


def fingerprint(value: object) -> str:
    """Return the hash of a nested list of texts."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


def write_grammar(text: str, task: str, wording: Wording, has_help: bool) -> str:
    """Return alfworld's grammar file with this game's task and wording.

    Args:
        text: alfworld's own alfred.twl2.
        task: The goal sentence; people's own may hold what JSON has to escape.
        wording: How things are put down and places arrived at.
        has_help: Whether there is a command 'help'.
    """
    text = text.replace(UNKNOWN_TASK, json.dumps(task, ensure_ascii=False)[1:-1])
    for new, old in zip(WORDINGS["move"], WORDINGS[wording], strict=True):
        text = text.replace(new, old)
    return text if has_help else text[: text.index("action help")].rstrip() + "\n"


def write_domain(text: str, rules: DomainRules) -> str:
    """Return alfworld's domain file as a game has it: with or without its last action 'help', and sinks that clean."""
    if SINK in rules.sink_types:
        text = COMMENTED_SINK.sub("", text)
    return text if rules.has_help else text[: text.index("(:action help")].rstrip() + "\n)\n"
