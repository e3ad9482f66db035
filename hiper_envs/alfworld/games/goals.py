"""A goal as a value, and its PDDL form, read and written.

The six forms are facts of ALFWorld's goal library (alfworld/gen/goal_library.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from typing import NamedTuple

from hiper_envs.alfworld.games.expressions import Expression, ExpressionError, read_expression, read_typed_list
from hiper_envs.task_types import TaskKind

GoalKind = TaskKind

PLACED = "(objectType ?o {object}Type) (receptacleType ?r {receptacle}Type) (inReceptacle ?o ?r)"
GOAL_TEXTS: dict[GoalKind, str] = {
    "pick": f"(exists (?r - receptacle ?o - object) (and {PLACED}))",
    "clean": f"(exists (?r - receptacle ?o - object) (and (cleanable ?o) (isClean ?o) {PLACED}))",
    "heat": f"(exists (?r - receptacle ?o - object) (and (heatable ?o) (isHot ?o) {PLACED}))",
    "cool": f"(exists (?r - receptacle ?o - object) (and (coolable ?o) (isCool ?o) {PLACED}))",
    "pick_two": (
        f"(exists (?r - receptacle ?o - object) (and {PLACED} (exists (?p - object) (and (not (= ?o ?p))"
        " (objectType ?p {object}Type) (receptacleType ?r {receptacle}Type) (inReceptacle ?p ?r)))))"
    ),
    "look_at": (
        "(exists (?t - object ?r - receptacle ?a - agent ?l - location) (and (objectType ?t {lamp}Type)"
        " (toggleable ?t) (isToggled ?t) (receptacleAtLocation ?r ?l) (atLocation ?a ?l) (inReceptacle ?t ?r)))"
        " (exists (?o - object ?a - agent) (and (objectType ?o {object}Type) (holds ?a ?o)))"
    ),
}
PLACEHOLDERS = ("{object}type", "{receptacle}type", "{lamp}type")


@dataclass(frozen=True)
class Goal:
    """What has to be true for a game to be won.

    Attributes:
        kind: One of the six forms.
        object_type: The type of the object, in PDDL spelling without 'Type' ("Bowl").
        receptacle_type: Where it belongs; None for look_at.
        lamp_type: For look_at, the type of the lamp that has to be on; else None.
    """

    kind: GoalKind
    object_type: str
    receptacle_type: str | None
    lamp_type: str | None = None

    def __post_init__(self) -> None:
        """Give look_at its usual lamp."""
        if self.kind == "look_at" and self.lamp_type is None:
            object.__setattr__(self, "lamp_type", "DeskLamp")


class Scope(NamedTuple):
    """One existentially quantified conjunction."""

    variables: dict[str, str]
    literals: list[tuple[str, ...]]


def write_goal(*goals: Goal) -> str:
    """Return the goal, or that all of several goals hold at once, as a PDDL condition."""
    return "(and " + " ".join(map(_fill_text, goals)) + ")"


def _fill_text(goal: Goal) -> str:
    types = {"object": goal.object_type, "receptacle": goal.receptacle_type, "lamp": goal.lamp_type}
    return GOAL_TEXTS[goal.kind].format(**types)


def parse_goal(condition: Expression) -> Goal | None:
    """Return the goal that a PDDL condition states, or None if it is none of the six forms."""
    try:
        scopes = flatten(condition)
    except ExpressionError:
        return None
    for kind, pattern in _patterns().items():
        types = match_scopes(pattern, scopes)
        if types is not None:
            return Goal(kind, types["object"], types.get("receptacle"), types.get("lamp"))
    return None


def flatten(condition: Expression) -> list[Scope]:
    """Return the conjunction's quantified parts, nested quantifiers merged into the outermost one.

    Raises:
        ExpressionError: The condition has another shape.
    """
    if condition and condition[0] == "and":
        return [scope for part in condition[1:] for scope in flatten(_group(part))]
    if condition and condition[0] == "exists":
        scope = Scope({}, [])
        _collect(condition, scope)
        return [scope]
    raise ExpressionError("neither a conjunction nor a quantifier")


def _group(part: "str | Expression") -> Expression:
    if isinstance(part, str) or not part:
        raise ExpressionError(f"expected a condition, got {part!r}")
    return part


def _collect(condition: Expression, scope: Scope) -> None:
    head = condition[0]
    if head == "and":
        for part in condition[1:]:
            _collect(_group(part), scope)
    elif head == "exists" and len(condition) == 3:
        for name, kind in read_typed_list(_group(condition[1])):
            if name in scope.variables:
                raise ExpressionError(f"variable {name} is bound twice")
            scope.variables[name.lower()] = kind.lower()
        _collect(_group(condition[2]), scope)
    else:
        negated = head == "not" and len(condition) == 2
        atom = _group(condition[1]) if negated else condition
        words = [word.lower() if isinstance(word, str) else "" for word in atom]
        if "" in words:
            raise ExpressionError("a condition that is no literal")
        # The spelling of a type is kept in a last, separate place: it names the type to the user.
        scope.literals.append(("not", *words, "") if negated else (*words, str(atom[-1])))


def _patterns() -> dict[GoalKind, list[Scope]]:
    if not _PATTERNS:
        for kind, text in GOAL_TEXTS.items():
            _PATTERNS[kind] = flatten(read_expression(f"(and {text})"))
    return _PATTERNS


_PATTERNS: dict[GoalKind, list[Scope]] = {}


def match_scopes(pattern: list[Scope], scopes: list[Scope]) -> dict[str, str] | None:
    """Return the types that make `scopes` an instance of `pattern`, or None.

    The order of the scopes, of the literals and the names of the variables do not matter.
    """
    if len(pattern) != len(scopes):
        return None
    for order in permutations(scopes):
        types: dict[str, str] | None = {}
        for expected, given in zip(pattern, order, strict=True):
            types = _match_scope(expected, given, types) if types is not None else None
        if types is not None:
            return types
    return None


def _match_scope(expected: Scope, given: Scope, types: dict[str, str]) -> dict[str, str] | None:
    literals = dict.fromkeys(given.literals)
    wanted = sorted(dict.fromkeys(expected.literals), key=_shape)
    if len(expected.variables) != len(given.variables) or len(literals) != len(wanted):
        return None
    for names in _renamings(expected, given):
        found = dict(types)
        renamed = [tuple(names.get(word, word) for word in literal) for literal in literals]
        pairs = zip(wanted, sorted(renamed, key=_shape), strict=True)
        if all(_match_literal(left, right, found) for left, right in pairs):
            return found
    return None


def _renamings(expected: Scope, given: Scope) -> Iterator[dict[str, str]]:
    for order in permutations(expected.variables):
        names = dict(zip(given.variables, order, strict=True))
        if all(expected.variables[new] == given.variables[old] for old, new in names.items()):
            yield names


def _shape(literal: tuple[str, ...]) -> tuple[str, ...]:
    """A sorting key that leaves out constants, which come last in the literals that have one."""
    return tuple(word for word in literal[:-1] if word[0] == "?" or word == literal[0])


def _match_literal(expected: tuple[str, ...], given: tuple[str, ...], types: dict[str, str]) -> bool:
    if len(expected) != len(given):
        return False
    for left, right in zip(expected[:-1], given[:-1], strict=True):
        if left in PLACEHOLDERS:
            name = given[-1][: -len("Type")]
            if not right.endswith("type") or types.setdefault(left[1:-5], name).lower() != name.lower():
                return False
        elif left != right:
            return False
    return True
