"""One walk on both engines at once, and the commands that such walks are made of."""

import random
from collections.abc import Sequence
from pathlib import Path

from hiper_envs.alfworld.games.grammar import HELP_TEXT
from hiper_envs.alfworld.games.problem import GameFileError, Problem, read_game
from hiper_envs.alfworld.official.engine import OfficialEngine, write_official_game
from hiper_envs.alfworld.rules.engine import Engine, Output

VERBS = ("go to", "open", "close", "take", "move", "put", "clean", "heat", "cool", "use", "slice", "examine", "toggle")
JOINTS = (" from ", " to ", " with ", " in/on ", " in ", " on ")
ODD = (
    "",
    " ",
    "look around",
    "help me",
    "inventory ",
    "\tlook\n",
    "LOOK",
    "go to",
    "nothing",
    "take",
    "é",
    "go  to",
    "\0",
)
WEIGHTS = {"go": 5, "open": 6, "close": 1, "examine": 2, "look": 2, "help": 1, "inventory": 1}


class Difference(AssertionError):
    """The engines gave different answers."""


def choose_command(rng: random.Random, admissible: Sequence[str], seen: Sequence[str], names: Sequence[str]) -> str:
    """Return mostly an admissible command, those that change something before others, at times an ill-formed one."""
    if rng.random() < 0.7:
        verbs = sorted({command.split(" ")[0] for command in admissible})
        (verb,) = rng.choices(verbs, [WEIGHTS.get(verb, 8) for verb in verbs])
        return rng.choice([command for command in admissible if command.split(" ")[0] == verb])
    command = rng.choice([*admissible, rng.choice(seen)])
    first, second = rng.choice(names), rng.choice(names)
    return rng.choice(
        [
            f"{rng.choice(VERBS)} {first}",
            f"{rng.choice(VERBS)} {first}{rng.choice(JOINTS)}{second}",
            rng.choice(seen),
            f"  {command}\n",
            command.upper(),
            command.replace(" ", "  ", 1),
            command[: rng.randrange(len(command) + 1)],
            command + rng.choice([" ", ".", " 1", " with " + second]),
            command.replace("move", "put").replace(" to ", " in/on "),
            rng.choice(ODD),
        ]
    )


def spell_help_out(grammar: str) -> str:
    """Write the answer to 'help' into the action itself, as the games of alfworld's update of 2024 have it."""
    head, _, _ = grammar.partition("action help")
    answer = f'action help {{\n    template :: "help";\n    feedback :: "\n{HELP_TEXT}";\n}}\n'
    return head + answer if head != grammar else grammar


def compare(expected: Output, given: Output, where: str) -> None:
    if given != expected:
        only = sorted(set(expected.admissible) ^ set(given.admissible))
        raise Difference(
            f"{where}\nofficial: {expected.text!r} {expected.won}\nfast:     {given.text!r} {given.won}\n{only}"
        )


def walk_both(problem: Problem, rng: random.Random, num_steps: int, name_seed: int | None = None) -> int:
    """Play the same commands on both engines and compare every answer.

    Returns:
        The number of compared answers; 0 if the official engine cannot load the game (its goal is out of reach).

    Raises:
        Difference: The engines disagree; the message has the commands.
    """
    fields = write_official_game(problem)
    if rng.random() < 0.2:
        fields["grammar"] = spell_help_out(fields["grammar"])
    fast = Engine(read_game(fields), name_seed)
    try:
        official = OfficialEngine(fields, name_seed)
    except GameFileError:
        return 0
    try:
        return _walk(official, fast, rng, num_steps)
    finally:
        official.close()


def walk_file(file: Path, rng: random.Random, num_steps: int) -> int:
    """Play the same commands on both engines, each of which reads the game's file by itself; see `walk_both`."""
    official = OfficialEngine(file)
    try:
        return _walk(official, Engine(read_game(file)), rng, num_steps)
    finally:
        official.close()


def _walk(official: OfficialEngine, fast: Engine, rng: random.Random, num_steps: int) -> int:
    output = official.reset()
    compare(output, fast.reset(), "reset")
    played: list[str] = []
    seen = ["look"]
    names = [*fast.world.objects, *fast.world.receptacles]
    for _ in range(num_steps):
        command = choose_command(rng, output.admissible, seen, names)
        seen.append(rng.choice(output.admissible))
        played.append(command)
        if rng.random() < 0.1:
            state = fast.get_state()
            fast.step(rng.choice(output.admissible))
            fast.set_state(state)
        output = official.step(command)
        compare(output, fast.step(command), f"after {played}")
    return num_steps + 1
