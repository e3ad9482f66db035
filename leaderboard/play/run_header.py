"""The header of a run: what plays what, and whether a run that goes on is the one that began."""

import platform
import re
from importlib import metadata
from pathlib import Path

import msgspec

from hiper_envs.episodes.agent_facts import Card
from hiper_envs.episodes.regular_file import read_regular
from hiper_envs.segments import Whole

RUN_VERSION = 1
HEADER_FILE = "run.json"
MAX_HEADER_BYTES = 1 << 20
MAX_NAME = 100
RECORDED_PACKAGES = ("hiper-suite", "gymnasium", "numpy", "torch")
_NAME = re.compile(r"[\w-][\w.-]*")
_NEW_RUN = "use --name or --out for a new run"


class RunError(ValueError):
    """A run folder that cannot be read or gone on with, in one sentence."""


class RunHeader(msgspec.Struct, frozen=True):
    """What plays what.

    Attributes:
        name: Name of the agent in tables.
        agent: The submission, "module:attribute".
        agent_digest: SHA-256 of the file that defines the agent.
        panel: Name of the panel.
        panel_digest: Digest of the panel.
        seed: Added to the seed of every task.
        turn_seconds: Time limit of a turn, None for none.
        versions: Versions of Python and of the packages that take part, when the run began.
        num_tasks: How many of the panel's first tasks were asked for so far, None for all of them.
        card: What the agent says of itself (its model, endpoint, prompt style, ...), None in a run that began before
            cards were kept; nothing depends on it.
        version: Version of this layout.
    """

    name: str
    agent: str
    agent_digest: str
    panel: str
    panel_digest: str
    seed: Whole
    turn_seconds: float | None
    versions: dict[str, str]
    num_tasks: Whole | None = None
    card: Card | None = None
    version: Whole = RUN_VERSION


def installed_versions() -> dict[str, str]:
    """Return the versions that go into a run's header."""
    versions = {"python": platform.python_version()}
    for package in RECORDED_PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def check_name(name: str) -> None:
    """Make sure that an agent's name can be a folder's, and stays inside the one above.

    Raises:
        RunError: It cannot.
    """
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        raise RunError(
            f"the agent's name cannot be {name!r:.80}: use up to {MAX_NAME} letters, digits, '.', '_' and '-', not '.'"
            " first; --name gives another one"
        )


def read_header(folder: Path) -> RunHeader:
    """Read the header of the run in a folder.

    Raises:
        RunError: There is none, or it is damaged.
    """
    path = folder / HEADER_FILE
    try:
        header = msgspec.json.decode(read_regular(path, MAX_HEADER_BYTES, follows_links=False), type=RunHeader)
    except OSError as error:
        raise RunError(
            f"{str(folder)!r} is not a run ({error.strerror}: {HEADER_FILE}): give a folder that leaderboard run wrote"
        ) from error
    except (ValueError, RecursionError) as error:
        raise RunError(f"{str(path)!r} is not a run's header: {error}") from error
    if header.version > RUN_VERSION:
        raise RunError(
            f"the run {str(folder)!r} has the layout {header.version}, this suite reads up to {RUN_VERSION}: install a"
            " newer hiper-suite"
        )
    if header.version < 1:
        raise RunError(f"the run {str(folder)!r} has the layout {header.version}; layouts count from 1")
    if header.turn_seconds is not None and header.turn_seconds <= 0:
        raise RunError(
            f"the run {str(folder)!r} gives {header.turn_seconds:g} seconds for a turn; it must be more than 0"
        )
    if header.num_tasks is not None and header.num_tasks < 1:
        raise RunError(
            f"the run {str(folder)!r} says that {header.num_tasks} tasks were asked for; it must be 1 or more"
        )
    return header


def go_on(before: RunHeader, now: RunHeader, folder: Path) -> RunHeader:
    """Return the header of a run that goes on in the folder of an earlier one.

    Args:
        before: The header in the folder.
        now: The header of what is asked for.
        folder: The folder, for messages.

    Raises:
        RunError: It is another run.
    """
    _check_same_run(before, now, folder)
    asked = (before.num_tasks, now.num_tasks)
    num_tasks = None if None in asked else max(number for number in asked if number is not None)
    return msgspec.structs.replace(before, num_tasks=num_tasks)


def _check_same_run(before: RunHeader, now: RunHeader, folder: Path) -> None:
    for field in ("agent", "name", "panel", "seed", "turn_seconds", "agent_digest", "panel_digest"):
        old, new = getattr(before, field), getattr(now, field)
        if old == new:
            continue
        if field.endswith("_digest"):
            changed = f"the panel {now.panel}" if field == "panel_digest" else Path(now.agent.rpartition(":")[0]).name
            raise RunError(f"{changed} has changed since the run in {str(folder)!r} began: {_NEW_RUN}")
        raise RunError(
            f"the folder {str(folder)!r} holds a run with {field} {old!r}, not {new!r}: {_NEW_RUN}, or repeat the"
            " command that began it"
        )


def check_same_card(before: Card, now: Card, folder: Path) -> None:
    """Make sure that all agents that play for a run say the same of themselves.

    Args:
        before: What an agent said first.
        now: What another one says.
        folder: The run's folder, for messages.

    Raises:
        RunError: They do not.
    """
    for name in [*before, *now]:
        if before.get(name) != now.get(name) or (name in before) != (name in now):
            raise RunError(
                f"the agent's card says {name} {now.get(name)!r:.80}, and of the run in {str(folder)!r} it said"
                f" {before.get(name)!r:.80}: {_NEW_RUN}; a card holds what is the same for all episodes"
            )
