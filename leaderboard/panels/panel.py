"""Panels: frozen lists of tasks that every agent plays alike."""

import hashlib
import re
from pathlib import Path
from typing import Any

import gymnasium as gym
import msgspec

import hiper_envs
from hiper_envs.episodes.regular_file import read_regular
from leaderboard.panels.fingerprint import (
    PanelError,
    PanelTask,
    check_clusters,
    check_digests,
    check_tasks,
    fingerprint_world,
    make_world,
)
from webshop_server.allowed_names import check_choice

_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[\w-][\w.-]*", re.ASCII)
MAX_SEED = 2**63 - 1
MAX_PANEL_BYTES = 1 << 28
PANEL_FOLDER = Path(__file__).parent
SUPERSEDED = ("alfworld-demo-v1", "alfworld-seen-v1", "alfworld-unseen-v1", "webshop-demo-v1", "webshop-test-v1")
"""Panels of worlds as they were first generated, or of too few products: played, replayed and verified as ever, but no
longer frozen."""
LATER_FIELDS = ("cluster_key", "clusters", "task_digests")
"""Fields that panels did not always have."""


class Panel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A frozen list of tasks.

    Attributes:
        name: Readable and versioned, "alfworld-unseen-v1".
        description: One sentence on what it measures.
        env_id: The Gymnasium id of the world.
        env_options: Options for `gym.make`.
        max_turns: Turns after which an episode is truncated.
        world: The world's fingerprint when the panel was frozen, see `fingerprint_world`.
        tasks: The tasks in the order in which they are reported.
        digest: SHA-256 over all but the description and itself, in hexadecimal.
        cluster_key: What tasks of a cluster share ("product"); "" if tasks are taken as independent.
        clusters: The label of each task's cluster, in the order of the tasks; none without a key.
        task_digests: What the file of each task's game said (`ALFWorldEnv.digest_of`), in the order of the tasks; none
            where tasks are no files.
    """

    name: str
    description: str
    env_id: str
    env_options: dict[str, Any]
    max_turns: int
    world: str
    tasks: tuple[PanelTask, ...]
    digest: str = ""
    cluster_key: str = ""
    clusters: tuple[str, ...] = ()
    task_digests: tuple[str, ...] = ()

    def find_clusters(self) -> dict[PanelTask, str]:
        """Return each task's cluster; its own id where the panel has none, so that a task's repetitions go together."""
        labels = self.clusters or [row.task for row in self.tasks]
        return dict(zip(self.tasks, labels, strict=True))

    def make_env(self, *, may_import: bool = False) -> gym.Env[str, str]:
        """Make the panel's world, ready for whole replies.

        Args:
            may_import: Whether a world "module:Env-v0" imports the module, because a person asked to play the panel.

        Raises:
            PanelError: The world cannot be made, lacks a task, says that tasks share something else, or is another
                one than the panel was frozen with, as a file of its games may be.
        """
        env = make_world(self.env_id, self.env_options, self.max_turns, may_import=may_import)
        check_tasks(env, self.tasks)
        check_digests(env, self.tasks, self.task_digests)
        check_clusters(env, self.tasks, self.cluster_key, self.clusters)
        world = fingerprint_world(env, self.tasks)
        if world != self.world:
            raise PanelError(
                f"the world of panel {self.name!r} has changed since it was frozen: its fingerprint was"
                f" {self.world[:12]!r} and is now {world[:12]!r}, so scores would not compare; install the version that"
                " the panel was frozen with, or freeze a new panel"
            )
        if hasattr(env.unwrapped, "make_milestones"):
            env = hiper_envs.MilestoneWrapper(env)
        return hiper_envs.SubgoalWrapper(env)


def content_digest(panel: Panel) -> str:
    """Return the SHA-256 of everything in a panel that decides what is played."""
    content = _list_fields(panel)
    del content["digest"], content["description"]
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()


def _list_fields(panel: Panel) -> dict[str, Any]:
    """Return the fields of a panel; without unused later ones, as panels were before there were any."""
    content = msgspec.structs.asdict(panel)
    return {key: value for key, value in content.items() if value or key not in LATER_FIELDS}


def seal_panel(panel: Panel) -> Panel:
    """Return the panel with its digest."""
    return msgspec.structs.replace(panel, digest=content_digest(panel))


def panel_names() -> list[str]:
    """Return the names of the panels that come with the package, superseded ones last."""
    return sorted((path.stem for path in PANEL_FOLDER.glob("*.json")), key=lambda name: (name in SUPERSEDED, name))


def load_panel(name_or_path: str | Path) -> Panel:
    """Load a panel by its name or from a file of one's own, and check it.

    Raises:
        PanelError: There is no such panel, or the file is not a sound panel.
    """
    path = Path(name_or_path)
    if path.suffix != ".json":
        try:
            path = PANEL_FOLDER / f"{check_choice(str(name_or_path), panel_names(), 'panel')}.json"
        except ValueError as error:
            raise PanelError(f"{error}; or give the path of a panel's .json file") from error
    try:
        content = read_regular(path, MAX_PANEL_BYTES)
    except OSError as error:
        raise PanelError(f"cannot read the panel file {str(path)!r}: {error.strerror}") from error
    return read_panel(content, str(path))


def read_panel(content: bytes, source: str) -> Panel:
    """Read a panel from the JSON text of a file.

    Args:
        content: The file's bytes.
        source: Where they come from, for messages.

    Raises:
        PanelError: A field is missing or of the wrong kind, tasks repeat, clusters do not fit the tasks, the digest
            does not fit, or the panel has the name of a shipped one and is another.
    """
    try:
        panel = msgspec.json.decode(content, type=Panel)
        check_panel(panel, f"the panel in {source!r}")
    except (ValueError, RecursionError) as error:
        raise error if isinstance(error, PanelError) else PanelError(f"{source!r} is not a panel: {error}") from error
    return panel


def check_panel_name(name: str, which: str) -> None:
    """Make sure that a panel's name can be a file's.

    Raises:
        PanelError: It cannot; `which` begins the sentence.
    """
    if not _NAME.fullmatch(name):
        raise PanelError(f"{which} has the name {name!r:.80}: use letters, digits, '.', '_' and '-'")


def check_panel(panel: Panel, which: str = "the panel") -> None:
    """Make sure that a panel can be played, is as it was sealed, and is the shipped one if it has a shipped one's name.

    Raises:
        PanelError: It is not; `which` begins the sentence.
    """
    check_panel_name(panel.name, which)
    if not panel.tasks:
        raise PanelError(f"{which} has no tasks")
    if len(set(panel.tasks)) < len(panel.tasks):
        raise PanelError(f"{which} has the same task with the same seed twice")
    if panel.max_turns < 1 or not all(0 <= row.seed <= MAX_SEED for row in panel.tasks):
        raise PanelError(f"{which} has a limit of turns below 1, or a seed that is not between 0 and {MAX_SEED}")
    _check_clusters(panel, which)
    _check_task_digests(panel, which)
    digest = content_digest(panel)
    if digest != panel.digest:
        raise PanelError(
            f"{which} was edited after it was frozen: its content has the digest {digest[:12]!r}, not"
            f" {panel.digest[:12]!r}; a frozen panel never changes: freeze a new one under a new name"
        )
    if panel.name.lower() in panel_names() and panel.digest != shipped_digest(panel.name):
        raise PanelError(
            f"{which} has the name of the shipped {panel.name.lower()!r} and is another one: its digest is"
            f" {digest[:12]!r}, not {shipped_digest(panel.name.lower())[:12]!r}; freeze it under a name of its own"
        )


def _check_clusters(panel: Panel, which: str) -> None:
    if bool(panel.cluster_key) != bool(panel.clusters):
        raise PanelError(
            f"{which} has the cluster key {panel.cluster_key!r} and {len(panel.clusters)} clusters: it takes both"
            " cluster_key and clusters, or neither"
        )
    if panel.cluster_key and not _NAME.fullmatch(panel.cluster_key):
        raise PanelError(
            f"{which} has the cluster key {panel.cluster_key!r:.80}: use letters, digits, '.', '_' and '-'"
        )
    if panel.clusters and len(panel.clusters) != len(panel.tasks):
        raise PanelError(
            f"{which} has {len(panel.clusters)} clusters for {len(panel.tasks)} tasks: it takes one label for each task"
        )
    if not all(panel.clusters):
        raise PanelError(f"{which} has a task whose cluster has no label: write what it shares, or a label of its own")


def _check_task_digests(panel: Panel, which: str) -> None:
    if panel.task_digests and len(panel.task_digests) != len(panel.tasks):
        raise PanelError(
            f"{which} has {len(panel.task_digests)} task_digests for {len(panel.tasks)} tasks: it takes one for each"
            " task, or none"
        )
    for digest in panel.task_digests:
        if not _DIGEST.fullmatch(digest):
            raise PanelError(f"{which} has the task digest {digest!r:.80}: a SHA-256 is 64 digits from 0-9 and a-f")


def shipped_digest(name: str) -> str:
    """Return the digest of the panel that comes with the package under this name, "" if none does.

    It is taken from the file's content, whatever digest the file names.
    """
    path = PANEL_FOLDER / f"{name}.json"
    return content_digest(msgspec.json.decode(path.read_bytes(), type=Panel)) if name in panel_names() else ""


def format_panel(panel: Panel) -> str:
    """Return a panel as JSON with one task, and one task's digest, a line."""
    head = _list_fields(panel)
    lists = {key: head.pop(key) for key in ("task_digests", "tasks") if key in head}
    fields = [f"  {_json(key)}: {_json(value)}" for key, value in head.items()]
    for key, values in lists.items():
        rows = ",\n".join(f"    {_json(value)}" for value in values)
        fields.append(f"  {_json(key)}: [\n{rows}\n  ]")
    return "{\n" + ",\n".join(fields) + "\n}\n"


def write_panel(panel: Panel, path: Path) -> None:
    """Write a panel to a file, see `format_panel`."""
    path.write_text(format_panel(panel), encoding="utf-8")


def _json(value: object) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()
