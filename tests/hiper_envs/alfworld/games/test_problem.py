"""Game files: read, written, and refused with a reason."""

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiper_envs.alfworld.games.expressions import ExpressionError, read_expression, read_typed_list
from hiper_envs.alfworld.games.goals import GOAL_TEXTS, Goal, GoalKind, parse_goal, write_goal
from hiper_envs.alfworld.games.problem import LARGEST_FILE, GameFileError, read_game, write_game

GAME = "pick_heat_then_place_in_recep-Plate-None-Fridge-7"


@pytest.fixture(scope="module")
def fields(shared: Path) -> dict[str, Any]:
    with gzip.open(shared / "gold" / "alfworld" / "games" / f"{GAME}.tw-pddl.gz") as file:
        found: dict[str, Any] = json.load(file)
    return found


def test_reads_a_game(fields: dict[str, Any]) -> None:
    problem = read_game(fields)
    assert problem.goal == Goal("heat", "Plate", "Fridge")
    assert problem.task == "put a hot plate in fridge"
    assert (problem.grammar, len(problem.facts)) == ("move", 522)
    assert problem.entities["PlateType"] == "otype"


def test_every_recorded_game_survives_writing(shared: Path, fields: dict[str, Any]) -> None:
    task = f"Your task is to: {read_game(fields).task}."
    grammar = fields["grammar"].replace(task, "Your task is to: UNKNOWN GOAL.")
    for path in sorted((shared / "gold" / "alfworld" / "games").glob("*.gz")):
        problem = read_game(path)
        for wording in (problem, replace(problem, grammar="put", help_text=None)):
            assert read_game(write_game(wording, fields["pddl_domain"], grammar)) == wording


@pytest.mark.parametrize("kind", GOAL_TEXTS)
def test_goal_survives_writing(kind: GoalKind) -> None:
    goal = Goal(kind, "Mug", None if kind == "look_at" else "Desk")
    assert parse_goal(read_expression(write_goal(goal))) == goal


def test_goal_is_read_whatever_its_names_and_order() -> None:
    text = """(and (exists (?b - object) (exists (?a - Receptacle) (and (InReceptacle ?b ?a)
              (receptacleType ?a DeskType) (isHot ?b) (objectType ?b mugType) (heatable ?b)))))"""
    assert parse_goal(read_expression(text)) == Goal("heat", "mug", "Desk")


@pytest.mark.parametrize(
    "text",
    [
        "(and (exists (?r - receptacle) (receptacleType ?r DeskType)))",
        "(and (forall (?r - receptacle) (opened ?r)))",
        "(opened Desk1)",
        "(and (exists (?r - receptacle ?o - object) (and (objectType ?o MugType) (receptacleType ?r DeskType) "
        "(not (inReceptacle ?o ?r)))))",
        "(and (exists (?r - receptacle ?o - object) (and (objectType ?o MugType) (receptacleType ?r DeskType) "
        "(isSliced ?o) (inReceptacle ?o ?r))))",
        "(and (exists (?o - receptacle ?r - object) (and (objectType ?o MugType) (receptacleType ?r DeskType) "
        "(inReceptacle ?o ?r))))",
    ],
)
def test_other_goals_are_no_goals(text: str) -> None:
    assert parse_goal(read_expression(text)) is None


def test_two_objects_of_different_types_are_no_goal() -> None:
    text = write_goal(Goal("pick_two", "Mug", "Desk")).replace("?p MugType", "?p CupType")
    assert parse_goal(read_expression(text)) is None


@pytest.mark.parametrize(
    ("field", "old", "new", "reason"),
    [
        ("pddl_domain", "(isHot ?o)", "(isCool ?o)", 'engine="textworld"'),
        ("pddl_domain", "(define (domain", "(define ((domain", "no PDDL domain"),
        ("grammar", "You pick up", "You grab", 'engine="textworld"'),
        ("grammar", "move {o} to {r}", "put {o} in/on {r}", "unknown words"),
        ("grammar", '"task"', '"tsk"', "lacks the rule 'task'"),
        ("grammar", "Your task is to: ", "Do: ", "rule 'task'"),
        ("grammar", "put a hot plate", "put #look.feedback#", "plain words"),
        ("grammar", '"rhs": "-= Welcome', '"rhs": -= Welcome', "no JSON"),
        ("pddl_problem", "(:goal", "(:gaol", "it has no (:goal"),
        ("pddl_problem", "(isHot ?o)", "(isOn ?o)", "none of ALFWorld's six forms"),
        ("pddl_problem", "(:init", "(:init (flies agent1)", "(flies agent1)"),
        ("pddl_problem", "(:init", "(:init (openable agent1)", "(openable agent1)"),
        ("pddl_problem", "(:init", "(:init (openable Nowhere)", "(openable Nowhere)"),
        ("pddl_problem", "(:init", "(:init openable", "expected a fact"),
        ("pddl_problem", "agent1 - agent", "agent1 - agent agent1 - agent", "agent1 twice"),
        ("pddl_problem", "agent1 - agent", "agent1 - agent agent2 - agent", "one agent"),
        ("pddl_problem", "(atLocation", "(examined loc_1) (atLocation", "does not fit"),
        ("pddl_problem", "(define", "(define (", "'(' without ')'"),
        ("pddl_problem", "(:goal", "(:goal (and (holdsAny agent1))) (:goal", "two (:goal"),
        ("pddl_problem", "(:goal", f"(:goal {'(and' * 9000} x {')' * 9000}) (:other", "inside each other"),
        ("pddl_domain", "(:action", f"{'(' * 9000}{')' * 9000} (:action", "inside each other"),
        ("pddl_domain", "(checked ?a)", "(holdsAny ?a)", 'engine="textworld"'),
        ("grammar", '"task"', f'"odd": {"[" * 200_000}, "task"', "no JSON"),
        ("grammar", '"task": [', '"task": [{"rhs": "Your task is to: dance."}, ', "one text"),
    ],
)
def test_broken_games_name_the_field_and_the_reason(
    fields: dict[str, Any], field: str, old: str, new: str, reason: str
) -> None:
    assert old in fields[field]
    with pytest.raises(GameFileError) as caught:
        read_game({**fields, field: fields[field].replace(old, new, 1)})
    assert caught.value.field == field
    assert reason in str(caught.value)


def test_missing_fields_and_files_are_named(tmp_path: Path, fields: dict[str, Any]) -> None:
    path = tmp_path / "game.tw-pddl"
    with pytest.raises(GameFileError, match=r"game\.tw-pddl.*No such file"):
        read_game(path)
    path.write_text("{")
    with pytest.raises(GameFileError, match="is not JSON"):
        read_game(path)
    path.write_text("[]")
    with pytest.raises(GameFileError, match="not a JSON object"):
        read_game(path)
    path.write_text(json.dumps({**fields, "grammar": None}))
    with pytest.raises(GameFileError, match=r"game\.tw-pddl.*'grammar' is no text"):
        read_game(path)
    path.write_bytes(gzip.compress(json.dumps(fields).encode())[:-20])
    with pytest.raises(GameFileError, match="is not JSON"):
        read_game(path)
    path.write_bytes(gzip.compress(b" " * (LARGEST_FILE + 1)))
    with pytest.raises(GameFileError, match="more than 67,108,864 bytes"):
        read_game(path)


def test_help_of_other_updates_of_the_game_files(fields: dict[str, Any]) -> None:
    head = fields["grammar"].partition("action help")[0]
    direct = head + 'action help {\n    template :: "help";\n    feedback :: "\nAvailable commands: all.\n";\n}\n'
    assert read_game({**fields, "grammar": direct}).help_text == "Available commands: all.\n"
    with pytest.raises(GameFileError, match="no texts for the domain's action 'help'"):
        read_game({**fields, "grammar": head})


names = st.text("abcXYZ_09?|", min_size=1, max_size=6).filter(lambda word: "?" not in word)
trees = st.recursive(names, lambda inner: st.lists(inner, max_size=4), max_leaves=20).filter(
    lambda tree: isinstance(tree, list)
)


def spell(tree: Any, spaces: str) -> str:
    return tree if isinstance(tree, str) else "(" + spaces.join(spell(part, spaces) for part in tree) + ")"


@given(trees, st.sampled_from([" ", "\n", "  ; a comment (\n "]))
def test_expressions_are_read_back(tree: Any, spaces: str) -> None:
    assert read_expression(spell(tree, spaces)) == tree


@pytest.mark.parametrize("text", ["", "a", "(a", "a)", "(a))", "(a) (b)", "(()"])
def test_unbalanced_expressions_are_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        read_expression(text)


def test_typed_lists() -> None:
    assert read_typed_list(["a", "b", "-", "x", "c"]) == [("a", "x"), ("b", "x"), ("c", "object")]
    with pytest.raises(ExpressionError, match="without a type"):
        read_typed_list(["a", "-"])
