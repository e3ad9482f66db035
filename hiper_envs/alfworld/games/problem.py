"""A game as a value: its things, its first facts, its goal; read from and written to game files."""

import gzip
import io
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hiper_envs.alfworld.games.expressions import Expression, ExpressionError, read_expression, read_typed_list
from hiper_envs.alfworld.games.goals import Goal, GoalKind, parse_goal, write_goal
from hiper_envs.alfworld.games.grammar import (
    BASIN,
    HELP_TEXT,
    DomainRules,
    GrammarError,
    Wording,
    read_domain,
    read_grammar,
    write_domain,
    write_grammar,
)

__all__ = ["GameFileError", "Goal", "GoalKind", "Problem", "read_game", "write_game"]

Fact = tuple[str, ...]

# What each predicate of the domain is about (alfworld/data/alfred.pddl), in lowercase as the planner compares them.
SIGNATURES: dict[str, tuple[str, ...]] = {
    "atlocation": ("agent", "location"),
    "receptacleatlocation": ("receptacle", "location"),
    "objectatlocation": ("object", "location"),
    "openable": ("receptacle",),
    "opened": ("receptacle",),
    "inreceptacle": ("object", "receptacle"),
    "isreceptacleobject": ("object",),
    "inreceptacleobject": ("object", "object"),
    "isreceptacleobjectfull": ("object",),
    "wasinreceptacle": ("object", "receptacle"),
    "checked": ("receptacle",),
    "examined": ("location",),
    "receptacletype": ("receptacle", "rtype"),
    "cancontain": ("rtype", "otype"),
    "objecttype": ("object", "otype"),
    "holds": ("agent", "object"),
    "holdsany": ("agent",),
    "holdsanyreceptacleobject": ("agent",),
    "full": ("receptacle",),
    "isclean": ("object",),
    "cleanable": ("object",),
    "ishot": ("object",),
    "heatable": ("object",),
    "iscool": ("object",),
    "coolable": ("object",),
    "pickupable": ("object",),
    "moveable": ("object",),
    "toggleable": ("object",),
    "ison": ("object",),
    "istoggled": ("object",),
    "sliceable": ("object",),
    "issliced": ("object",),
}
LARGEST_FILE = 1 << 26
"""Bytes of a game file, unpacked, that are read; what holds more is no game."""
TEXTS = ("pddl_domain", "grammar", "pddl_problem")
"""The fields of a game file that decide the game."""
INSTEAD = 'engine="textworld" plays such files'


class GameFileError(ValueError):
    """A game file that cannot be played: says which file, which of its fields, and why.

    Args:
        file: The file, or "<game>" if the game came as a mapping.
        field: The field of the file ("pddl_problem").
        reason: Why it cannot be played, the end of the sentence.

    Attributes:
        file: The file, or "<game>" if the game came as a mapping.
        field: The field of the file ("pddl_problem").
    """

    def __init__(self, file: str, field: str, reason: str) -> None:
        super().__init__(f"{file}: field {field!r} {reason}")
        self.file = file
        self.field = field


@dataclass(frozen=True)
class Problem:
    """One game, as the engines play it.

    Attributes:
        name: The name that the game file gives it.
        entities: PDDL name in its original spelling -> PDDL type (agent, location, receptacle, object, rtype, otype).
        facts: The facts true at the start, (predicate, *arguments) in PDDL spelling.
        goal: What wins the game; of several goals the first.
        task: The goal sentence without 'Your task is to: ' and its full stop.
        grammar: "move" ('move O to R') or "put" (old games: 'put O in/on R', 'You arrive at loc 12.').
        help_text: The answer to the command 'help'; None in games without it (the old ones).
        sink_types: The types of receptacle that clean, in lowercase without 'type'.
        more_goals: What has to hold at the same time; no game file has any.
    """

    name: str
    entities: Mapping[str, str]
    facts: tuple[Fact, ...]
    goal: Goal
    task: str
    grammar: Wording = "move"
    help_text: str | None = HELP_TEXT
    sink_types: tuple[str, ...] = (BASIN,)
    more_goals: tuple[Goal, ...] = ()

    @property
    def goals(self) -> tuple[Goal, ...]:
        """All goals, the first one first."""
        return self.goal, *self.more_goals

    def __hash__(self) -> int:
        """Equal problems have equal hashes; what is compiled of a problem is found again by it."""
        return hash((self.name, self.task))


def read_game(source: str | Path | Mapping[str, Any]) -> Problem:
    """Read a game.tw-pddl file (also gzipped), or the mapping that it holds.

    Raises:
        GameFileError: The file or one of its fields is missing, broken, or plays by other rules.
    """
    if isinstance(source, Mapping):
        return _read_fields(source, "<game>")
    path = Path(source)
    return _read_fields(load_fields(path), str(path))


def load_fields(path: Path) -> Mapping[str, Any]:
    """Return the JSON object of a game file.

    Raises:
        GameFileError: There is no such file, or it holds something else.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise GameFileError(str(path), "(file)", f"cannot be read: {reason}") from error
    return decode_fields(content, str(path))


def decode_fields(content: bytes, file: str) -> Mapping[str, Any]:
    """Return the JSON object that the bytes of a game file hold, gzipped or plain.

    Raises:
        GameFileError: They hold something else, or more than `LARGEST_FILE` bytes when unpacked.
    """
    try:
        if content[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
                content = packed.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise GameFileError(file, "(file)", f"holds more than {LARGEST_FILE:,} bytes; a game has some 100,000")
        fields = json.loads(content)
    except GameFileError:
        raise
    except (OSError, ValueError, EOFError, zlib.error, RecursionError) as error:
        raise GameFileError(file, "(file)", f"is not JSON, gzipped or plain: {error}") from error
    if not isinstance(fields, dict):
        raise GameFileError(file, "(file)", "is not a JSON object with pddl_domain, grammar and pddl_problem")
    return fields


def check_texts(fields: Mapping[str, Any], file: str) -> tuple[str, str, str]:
    """Return the texts that decide a game: its domain, grammar and problem.

    Raises:
        GameFileError: One is missing or no text.
    """
    for field in TEXTS:
        if not isinstance(fields.get(field), str):
            raise GameFileError(file, field, "is missing" if field not in fields else "is no text")
    domain, grammar, problem = (fields[field] for field in TEXTS)
    return domain, grammar, problem


def _read_fields(fields: Mapping[str, Any], file: str) -> Problem:
    domain_text, grammar_text, problem_text = check_texts(fields, file)
    field = "pddl_domain"
    try:
        rules = read_domain(domain_text)
        field = "grammar"
        texts = read_grammar(grammar_text)
    except GrammarError as error:
        raise GameFileError(file, field, f"{error}; {INSTEAD}") from error
    name, entities, facts, goal = _read_problem(problem_text, file)
    help_text = texts.help_text if rules.has_help else None
    if rules.has_help and help_text is None:
        raise GameFileError(file, "grammar", f"has no texts for the domain's action 'help'; {INSTEAD}")
    return Problem(name, entities, facts, goal, texts.task, texts.wording, help_text, rules.sink_types)


def _read_problem(text: str, file: str) -> tuple[str, dict[str, str], tuple[Fact, ...], Goal]:
    try:
        sections = _read_sections(text)
        entities: dict[str, str] = {}
        for entity, kind in read_typed_list(sections[":objects"][1:]):
            if entity in entities:
                raise ExpressionError(f"declares {entity} twice")
            entities[entity] = kind.lower()
        facts = _read_facts(sections[":init"][1:], entities)
        _check_agent(entities, facts)
    except ExpressionError as error:
        raise GameFileError(file, "pddl_problem", f"is broken: {error}") from error
    condition = sections[":goal"][-1]
    goal = parse_goal(condition) if isinstance(condition, list) else None
    if goal is None:
        reason = f"has a goal that is none of ALFWorld's six forms; {INSTEAD}"
        raise GameFileError(file, "pddl_problem", reason)
    return str(sections["problem"][-1]), entities, facts, goal


def _read_sections(text: str) -> dict[str, Expression]:
    sections: dict[str, Expression] = {}
    for part in read_expression(text):
        if isinstance(part, list) and part and isinstance(part[0], str):
            if part[0].lower() in sections:
                raise ExpressionError(f"it has two ({part[0]} ...)")
            sections[part[0].lower()] = part
    for name in ("problem", ":objects", ":init", ":goal"):
        if len(sections.get(name, ())) < 2:
            raise ExpressionError(f"it has no ({name} ...)")
    return sections


def _read_facts(parts: Expression, entities: Mapping[str, str]) -> tuple[Fact, ...]:
    kinds = {entity.lower(): kind for entity, kind in entities.items()}
    if len(kinds) < len(entities):
        raise ExpressionError("two names differ in nothing but capital letters")
    facts: dict[Fact, None] = {}
    for part in parts:
        if not isinstance(part, list) or not part:
            raise ExpressionError(f"expected a fact, got {part!r}")
        if part[0] in ("not", "="):
            continue
        fact = tuple([word for word in part if isinstance(word, str)])
        kinds_of_fact = tuple([kinds.get(word.lower()) for word in fact[1:]])
        if len(fact) < len(part) or kinds_of_fact != SIGNATURES.get(fact[0].lower()):
            raise ExpressionError(f"fact ({' '.join(map(str, part))}) does not fit the domain and the declared names")
        facts[fact] = None
    return tuple(facts)


def _check_agent(entities: Mapping[str, str], facts: Iterable[Fact]) -> None:
    agents = [entity for entity, kind in entities.items() if kind == "agent"]
    places = [fact for fact in facts if fact[0].lower() == "atlocation"]
    if len(agents) != 1 or len(places) != 1:
        raise ExpressionError(f"it needs one agent in one place, not {len(agents)} in {len(places)}; {INSTEAD}")


def write_game(problem: Problem, domain_text: str, grammar_text: str) -> dict[str, Any]:
    """Return the fields of a game.tw-pddl file that the official engine loads.

    Args:
        problem: The game.
        domain_text: alfworld's own alfred.pddl.
        grammar_text: alfworld's own alfred.twl2.
    """
    has_help = problem.help_text is not None
    return {
        "pddl_domain": write_domain(domain_text, DomainRules(has_help, problem.sink_types)),
        "grammar": write_grammar(grammar_text, problem.task, problem.grammar, has_help),
        "pddl_problem": write_problem(problem),
        "walkthrough": None,
        "solvable": True,
    }


def write_problem(problem: Problem) -> str:
    """Return the game's PDDL problem."""
    lines = [f"(define (problem {problem.name})", "(:domain alfred)", "(:objects"]
    lines += [f"{entity} - {kind}" for entity, kind in problem.entities.items()]
    lines += [")", "(:init"]
    lines += [f"({' '.join(fact)})" for fact in problem.facts]
    lines += [")", f"(:goal {write_goal(*problem.goals)})", ")"]
    return "\n".join(lines) + "\n"
