"""The official engine (TextWorld) behind the fast engine's interface; nothing else here imports alfworld or textworld.

What is added around it: planner libraries come from a pool, parses and translations are remembered, and the process is
left as it was (sys.argv, sys.stdout, os.environ, textworld's own modules).
"""

import copy
import os
import random
import sys
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

from hiper_envs.alfworld.games.grammar import NOT_PLAIN, TASK_PREFIX
from hiper_envs.alfworld.games.problem import GameFileError, Problem, load_fields, write_game
from hiper_envs.alfworld.official.planner_library import LibraryPool
from hiper_envs.alfworld.official.translation import Translation, translate
from hiper_envs.alfworld.rules.engine import Output
from webshop_server.extras import MissingExtraError

INSTALL = (
    'engine="textworld" needs alfworld and textworld, which are not installed: pip install "hiper-suite[official]"'
)

# The translator and the parsers keep their settings in module variables: one call at a time.
_LOCK = threading.RLock()


class _Official(NamedTuple):
    """The parts of the official packages that are used."""

    textworld: ModuleType
    pddl: ModuleType
    logic: ModuleType
    textgen: ModuleType
    fast_downward: ModuleType
    demangler: type
    pool: LibraryPool
    domain: str
    grammar: str


@lru_cache(maxsize=1)
def _import_official() -> _Official:
    """Import the official packages without the marks they leave on the process.

    Raises:
        MissingExtraError: They are not installed; the message says how to install them.
    """
    arguments, environment = sys.argv, dict(os.environ)
    sys.argv = ["translate.py", "domain", "task"]
    try:
        import fast_downward
        import fast_downward.translate.translate
        import textworld
        import textworld.envs.pddl.pddl as pddl
        from alfworld.agents.utils.misc import Demangler
        from alfworld.info import ALFRED_PDDL_PATH, ALFRED_TWL2_PATH
        from textworld.envs.pddl import logic, textgen
    except ImportError as error:
        raise MissingExtraError(f"{INSTALL} ({error})") from error
    finally:
        sys.argv = arguments
        os.environ.clear()
        os.environ.update(environment)
    library = Path(fast_downward.__file__).with_name("libdownward.so")
    domain, grammar = (Path(path).read_text(encoding="utf-8") for path in (ALFRED_PDDL_PATH, ALFRED_TWL2_PATH))
    return _Official(textworld, pddl, logic, textgen, fast_downward, Demangler, LibraryPool(library), domain, grammar)


def is_installed() -> bool:
    """Return whether the official engine can be used here."""
    try:
        _import_official()
    except ImportError:
        return False
    return True


def write_official_game(problem: Problem) -> dict[str, Any]:
    """Return a problem as the fields of a game file, with the domain and grammar of the installed alfworld."""
    official = _import_official()
    return write_game(problem, official.domain, official.grammar)


class OfficialEngine:
    """Plays one game on TextWorld; for any PDDL game that TextWorld loads, of whatever domain.

    Close it to give its planner library to the next engine; dropping it does the same.

    Args:
        source: A problem, a game file, or a game file's fields.
        name_seed: Deals the numbers in the names out at random; None gives the official names.

    Attributes:
        task: The goal sentence, without 'Your task is to: '; known after a reset.

    Raises:
        ImportError: The extra `official` is not installed.
        GameFileError: The game cannot be read or loaded.
    """

    def __init__(self, source: Problem | Mapping[str, Any] | str | Path, name_seed: int | None = None) -> None:
        official = _import_official()
        self._task = source.task if isinstance(source, Problem) else ""
        self._fields, self.file = _read_source(source)
        library = official.pool.acquire()
        self._release = weakref.finalize(self, official.pool.release, library)
        # At the end of the process there is no next engine to give the library to.
        self._release.atexit = False
        self._played: list[str] = []
        self.task = ""
        try:
            with _LOCK:
                self._load(official, library, name_seed)
        except BaseException:
            self.close()
            raise

    def _load(self, official: _Official, library: Any, name_seed: int | None) -> None:
        try:
            translation = translate(self._fields["pddl_domain"], self._fields["pddl_problem"])
        except (Exception, SystemExit) as error:
            raise GameFileError(self.file, "pddl_problem", f"cannot be translated for the planner: {error}") from error
        self._translation = translation
        env = official.pddl.PddlEnv.__new__(official.pddl.PddlEnv)
        wanted = official.textworld.EnvInfos(won=True, admissible_commands=True)
        official.textworld.Environment.__init__(env, wanted)
        env.downward_lib = library
        self._env = env
        with self._remembering(official):
            try:
                env.load(self._fields)
            except (KeyError, ValueError) as error:
                reason = f"cannot be loaded ({type(error).__name__}: {error}); is its goal out of reach?"
                raise GameFileError(self.file, "pddl_problem", reason) from error
        self._rename(official, name_seed)

    def _rename(self, official: _Official, name_seed: int | None) -> None:
        infos = self._env._entity_infos
        demangler = official.demangler(game_infos=infos)
        names = {entity: demangler.demangle_alfred_name(entity) for entity in infos}
        if name_seed is not None:
            names = _shuffle_names(official, infos, name_seed)
        for entity, info in infos.items():
            info.name = names[entity]

    def reset(self) -> Output:
        """Begin the game again."""
        official = _import_official()
        self._check_open()
        self._played = []
        with _LOCK, self._remembering(official):
            state = self._env.reset()
        text = state["feedback"]
        if NOT_PLAIN.search(self._task):
            text = f"{text.partition(TASK_PREFIX)[0]}{TASK_PREFIX}{self._task}."
        self.task = text.partition(TASK_PREFIX)[2].removesuffix(".")
        return Output(text, list(state["admissible_commands"]), bool(state["won"]))

    def step(self, command: str) -> Output:
        """Play one command; anything but an admissible one does nothing."""
        official = _import_official()
        self._check_open()
        with _LOCK, self._remembering(official):
            state, _, _ = self._env.step(command)
        if self._env._last_action is not None:
            self._played.append(command.strip())
        return Output(state["feedback"], list(state["admissible_commands"]), bool(state["won"]))

    def look(self) -> str:
        """Return what the command "look" says here; it changes nothing, so it is not kept among the commands."""
        text = self.step("look").text
        self._played.pop()
        return text

    def get_state(self) -> tuple[str, ...]:
        """Return the commands that led here: the planner's own state cannot leave its process."""
        return tuple(self._played)

    def set_state(self, state: tuple[str, ...]) -> None:
        """Play the commands of a state again from the start; as slow as they are many."""
        self.reset()
        for command in state:
            self.step(command)

    def close(self) -> None:
        """Give the planner library back; the engine cannot be used any more."""
        self._release()

    def _check_open(self) -> None:
        if not self._release.alive:
            raise ValueError("this engine is closed; make a new one")

    @contextmanager
    def _remembering(self, official: _Official) -> Iterator[None]:
        """Let textworld find remembered parses and translations in place of its own functions, for one call."""
        names: list[tuple[ModuleType, str, Any]] = [
            (official.logic, "fast_downward", _make_planner_module(official, self._translation)),
            (official.logic, "_parse_and_convert", _parse_rules),
            (official.textgen, "_parse_and_convert", _parse_symbols),
            (official.textgen, "Rule", _QueryReader),
            (official.textgen, "copy_context", _copy_context),
        ]
        own = [(module, name, getattr(module, name)) for module, name, _ in names]
        for module, name, value in names:
            setattr(module, name, value)
        try:
            yield
        finally:
            for module, name, value in own:
                setattr(module, name, value)


def _read_source(source: Problem | Mapping[str, Any] | str | Path) -> tuple[Mapping[str, Any], str]:
    if isinstance(source, Problem):
        # The grammar takes marks between goals (;) for the end of a rule: such a task is told by `reset` itself.
        plain = replace(source, task=NOT_PLAIN.sub("", source.task))
        return write_official_game(plain), f"<{source.name}>"
    if isinstance(source, Mapping):
        fields, file = source, "<game>"
    else:
        fields, file = load_fields(Path(source)), str(source)
    for field in ("pddl_domain", "grammar", "pddl_problem"):
        if not isinstance(fields.get(field), str):
            raise GameFileError(file, field, "is missing" if field not in fields else "is no text")
    return fields, file


def _shuffle_names(official: _Official, infos: Mapping[str, Any], seed: int) -> dict[str, str]:
    """Deal the names out by the official demangler, its global generator replaced by a seeded one."""
    misc: Any = sys.modules[official.demangler.__module__]
    own = misc.random
    misc.random = random.Random(seed)
    try:
        demangler = official.demangler(game_infos=infos, shuffle=True)
    finally:
        misc.random = own
    return {entity: demangler.demangle_alfred_name(entity) for entity in infos}


def _make_planner_module(official: _Official, translation: Translation) -> SimpleNamespace:
    """Return what textworld uses of `fast_downward`, with the game's translation ready.

    The planner for hints takes a second translation of the same game; hints are never asked for here, so it gets the
    first one.
    """
    planner = official.fast_downward
    return SimpleNamespace(
        pddl2sas=lambda *args, **kwargs: (translation.task, translation.sas),
        translate=planner.translate,
        Atom=planner.Atom,
        Operator=planner.Operator,
    )


@lru_cache(maxsize=64)
def _parse_rules(text: str, rule_name: str) -> Any:
    """Return a grammar file's actions and rules; textworld copies them before it changes anything."""
    logic = _import_official().logic
    return logic._ModelConverter().walk(logic._PARSER.parse(text, rule_name=rule_name))


@lru_cache(maxsize=4096)
def _parse_template(text: str, rule_name: str) -> Any:
    textgen = _import_official().textgen
    return textgen._Converter().walk(textgen._PARSER.parse(text, rule_name=rule_name))


def _parse_symbols(text: str, rule_name: str, trace: bool = False) -> Any:
    """Return a template's symbols, fresh ones at each call: textworld hangs its context on them."""
    return copy.deepcopy(_parse_template(text, rule_name))


def _copy_context(context: Mapping[str, Any]) -> dict[str, Any]:
    """Copy what textworld changes in a context; the things named in it are only read, so they need no deep copy."""
    return {**context, "variables": dict(context["variables"]), "mapping": dict(context["mapping"])}


class _QueryReader:
    """Stands in for textworld's Rule where templates are filled, and remembers the queries it has parsed."""

    @staticmethod
    @lru_cache(maxsize=1024)
    def parse_conjunctive_query(expression: str) -> Any:
        """Return the query as a rule; textworld only reads it."""
        return _import_official().textworld.logic.Rule.parse_conjunctive_query(expression)
