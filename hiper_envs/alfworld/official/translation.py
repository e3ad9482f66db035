"""A game's PDDL translated for the official engine's planner, without the translator's marks on the process."""

import hashlib
import io
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

TRANSLATOR_OPTIONS = {
    "filter_unimportant_vars": False,
    "filter_unreachable_facts": False,
    "use_partial_encoding": False,
    "skip_variable_reordering": True,
    "add_implied_preconditions": False,
    "invariant_generation_max_candidates": 0,
}


class Translation:
    """A game as the planner reads it; shared by the engines of one game.

    Attributes:
        task: The translator's normalised task.
        sas: The planner's input.
    """

    def __init__(self, task: Any, sas: str) -> None:
        self.task = task
        self.sas = sas


_TRANSLATIONS: "weakref.WeakValueDictionary[bytes, Translation]" = weakref.WeakValueDictionary()


def translate(domain: str, problem: str) -> Translation:
    """Return the planner's form of a game, from memory if an engine still plays it.

    One call at a time: the translator keeps its settings in module variables. It raises whatever it fails with, even
    `SystemExit`.
    """
    key = hashlib.sha256(f"{len(domain)}:{domain}{problem}".encode()).digest()
    found = _TRANSLATIONS.get(key)
    if found is None:
        found = _TRANSLATIONS[key] = Translation(*_run_translator(domain, problem))
    return found


def _run_translator(domain: str, problem: str) -> tuple[Any, str]:
    from fast_downward.translate import normalize, options, translate
    from fast_downward.translate.pddl_parser import lisp_parser, parsing_functions

    for name, value in TRANSLATOR_OPTIONS.items():
        setattr(options, name, value)
    with _silence("fast_downward.translate"):
        task = parsing_functions.parse_task(
            lisp_parser.parse_nested_list(domain.split("\n")), lisp_parser.parse_nested_list(problem.split("\n"))
        )
        _name_goals(task)
        normalize.normalize(task)
        output = io.StringIO()
        translate.pddl_to_sas(task).output(output)
    return task, output.getvalue()


def _name_goals(task: Any) -> None:
    """Give each part of a goal of several an axiom of its own.

    The translator joins the quantifiers of a conjunction into one and then tries all combinations of what they may
    stand for, so that five goals take minutes, where each by itself takes no time. None of the six forms has more than
    two parts.
    """
    from fast_downward.translate import pddl

    if isinstance(task.goal, pddl.Conjunction) and len(task.goal.parts) > 2:
        names = [task.add_axiom([], part).name for part in task.goal.parts]
        task.goal = pddl.Conjunction([pddl.Atom(name, []) for name in names])


@contextmanager
def _silence(package: str) -> Iterator[None]:
    """Take `print` away from a package's modules, so that sys.stdout need not be exchanged for everybody."""
    modules = [module for name, module in list(sys.modules.items()) if name.startswith(package) and module]
    for module in modules:
        vars(module)["print"] = _print_to_file
    try:
        yield
    finally:
        for module in modules:
            del vars(module)["print"]


def _print_to_file(*args: Any, file: Any = None, **kwargs: Any) -> None:
    """Print what goes into a given file, and nothing to the terminal."""
    if file is not None:
        print(*args, file=file, **kwargs)
