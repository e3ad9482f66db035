"""Language models as rows: the same model asked in several styles, in a table or as runs of the leaderboard.

The leaderboard is started as a program of its own, as anybody starts it: a run's folder gets a file `agent.py` with the
function that makes the agent, and `leaderboard run --agent FOLDER/agent.py:agent` plays it.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from hiper_agents.agents.model_agents import (
    ModelOptions,
    check_together,
    find_served_model,
    is_trained,
    name_model,
    open_model,
)
from hiper_envs.episodes.agents import Agent
from hiper_envs.whole_file import write_whole

AGENT_FILE = "agent.py"
GRACE_SECONDS = 5.0
"""How long a program that is interrupted has to write down what was played."""
MAX_NAME = 100
FAILED = 1
"""Exit status of a run some of whose episodes failed around the agent."""
_CODE = '''"""The agent of this run, as `hiper eval` wrote it down; leaderboard run --agent {file}:agent plays it."""

from hiper_agents.agents.model_agents import make_model_agent


def agent():
    return make_model_agent({arguments})
'''


class ModelRow(NamedTuple):
    """A model as it is asked, and its name in tables."""

    name: str
    options: ModelOptions

    def make(self) -> Agent:
        """Return its agent."""
        return open_model(self.options)


def list_rows(
    model: str, given: Mapping[str, Any], styles: Sequence[str] = (), name: str | None = None
) -> list[ModelRow]:
    """Return a row for each style that a model is asked in; a trained policy is one row.

    Args:
        model: The model, see `ModelOptions`.
        given: Its other options but the style.
        styles: The styles; "hiper" if there are none.
        name: Its name in tables; by default the folder's, the hub's or the endpoint's, with the style.

    Raises:
        ValueError: An option is wrong, or they do not go together.
        ServerError: The endpoint does not say what it serves.
    """
    options = ModelOptions(model, **given)
    if name is not None and _to_name(name) != name:
        raise ValueError(f"a name cannot be {name!r:.80}: use letters, digits, '.', '_' and '-', not '.' first")
    for style in styles or (None,):
        check_together(replace(options, style=style))
    if options.is_endpoint:
        options = replace(options, served_model=options.served_model or find_served_model(options.model))
    elif is_trained(options.model):
        return [ModelRow(name or _to_name(name_model(options.model)), options)]
    called = name or _to_name((options.served_model or options.model.rstrip("/")).rpartition("/")[2])
    asked = list(dict.fromkeys(styles)) or ["hiper"]
    is_plain = name is not None and len(asked) == 1
    return [ModelRow(called if is_plain else f"{called}-{style}", replace(options, style=style)) for style in asked]


def refuse_given(why: str, options: Mapping[str, object]) -> None:
    """Refuse options of a command that are given and serve nothing.

    Raises:
        ValueError: One is.
    """
    for name, value in options.items():
        if value is not None and value not in ("", ()):
            raise ValueError(f"--{name.replace('_', '-')} is not for this: {why}")


def play_rows(rows: Sequence[ModelRow], panel: str, *, out: Path | None = None, **options: Any) -> int:
    """Play a panel with each of some rows, see `play_panel`.

    Args:
        rows: Who plays.
        panel: Name of a panel, or the path of a panel's file.
        out: Folder of the run; with several rows each gets a folder of its name in it.
        **options: As `play_panel` takes them.

    Returns:
        The highest exit status; the first that tells of a mistake ends it.
    """
    status = 0
    for row in rows:
        folder = out / row.name if out is not None and len(rows) > 1 else out
        status = max(status, play_panel(row, panel, out=folder, **options))
        if status > FAILED:
            break
    return status


def play_panel(
    row: ModelRow,
    panel: str,
    *,
    out: Path | None = None,
    episodes: int | None = None,
    seed: int = 0,
    workers: int = 1,
) -> int:
    """Play a panel into a folder of the leaderboard, or go on with the same run there.

    Args:
        row: Who plays.
        panel: Name of a panel, or the path of a panel's file.
        out: Folder of the run; runs/PANEL/NAME by default.
        episodes: Play the first tasks only; None for all.
        seed: Added to every task's seed.
        workers: Number of processes that play.

    Returns:
        The exit status of `leaderboard run`.

    Raises:
        ValueError: The folder holds another run.
        OSError: It cannot be written to.
    """
    folder = out or Path("runs") / Path(panel).name.removesuffix(".json") / row.name
    command = [sys.executable, "-m", "leaderboard", "run", "--panel", panel, "--out", str(folder), "--name", row.name]
    command += ["--agent", f"{folder / AGENT_FILE}:agent", "--seed", str(seed), "--workers", str(workers)]
    command += [] if episodes is None else ["--episodes", str(episodes)]
    with _agent_file(row, folder):
        return _run(command)


def write_agent(options: ModelOptions, path: Path) -> str:
    """Return the text of a module whose function `agent` makes the model's agent.

    Args:
        options: The model.
        path: Where it is to lie.
    """
    given = dict(options.given)
    model = given.pop("model")
    arguments = ", ".join([repr(model), *(f"{name}={value!r}" for name, value in given.items())])
    return _CODE.format(file=path.name, arguments=arguments)


@contextmanager
def _agent_file(row: ModelRow, folder: Path) -> Iterator[None]:
    """Put the agent's file into a run's folder, and take it out again where no run came of it."""
    path = folder / AGENT_FILE
    code = write_agent(row.options, path)
    if path.exists() and (folder / "run.json").exists() and path.read_text(encoding="utf-8") != code:
        raise ValueError(f"{str(folder)!r} holds a run of another agent: give this one another --name or --out")
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    write_whole(path, code)
    try:
        yield
    finally:
        if not (folder / "run.json").exists():
            path.unlink(missing_ok=True)
            _remove_empty(folder, made)


def _remove_empty(folder: Path, made: Sequence[Path]) -> None:
    """Remove folders that were made for a run if nothing has come into them, but for files without a byte."""
    left = list(folder.iterdir()) if folder.is_dir() else []
    if not any(file.stat().st_size for file in left):
        for file in left if folder in made else ():
            file.unlink()
        for parent in made:
            with suppress(OSError):
                parent.rmdir()


def _run(command: Sequence[str]) -> int:
    """Run a program to its end; Ctrl-C, which reaches it too, lets it end by itself."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}  # a run's folder is no place for it
    with subprocess.Popen(command, env=environment) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            try:
                process.wait(GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGINT)  # it was sent to this process alone
            raise


def _to_name(text: str) -> str:
    """Return a text as a name that the leaderboard takes for a folder."""
    return re.sub(r"[^\w.-]+", "-", text).lstrip(".")[:MAX_NAME] or "model"
