"""Finding the records that a user names: files of episodes, run folders, folders of run folders."""

import reprlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from hiper_envs.episodes.files import RecordError, read_episodes
from hiper_envs.episodes.record import Episode
from hiper_envs.viewer.packing import Source

EPISODES_FILES = ("episodes.jsonl", "episodes.jsonl.zst")
"""What the file of episodes in a run folder is called."""


def load_sources(paths: Iterable[str | Path], tell: Callable[[str], None] | None = None) -> list[Source]:
    """Read episodes and sort them by agent and world.

    Args:
        paths: Files of records (`.jsonl`, `.jsonl.zst`), run folders, or folders that hold such.
        tell: Hears a sentence about each file whose last record is unfinished.

    Returns:
        A source for each agent, world and file, in the order of the files. The last line of a file that is still being
        written is passed over.

    Raises:
        RecordError: A file is missing, broken or holds no episode, a folder has none, or there are no paths.
    """
    paths = list(paths)
    if not paths:
        raise RecordError("no episodes to view: name files of records or run folders")
    files = list(dict.fromkeys(file for path in paths for file in find_files(Path(path))))
    return _name_apart(_name_worlds([source for file in files for source in _load_file(file, tell)]))


def find_files(path: Path) -> list[Path]:
    """Return the files of records that a path stands for.

    Raises:
        RecordError: The path does not exist, or is a folder without records.
    """
    if not path.exists():
        raise RecordError(f"no episodes at {path}: neither a file nor a folder is there")
    if not path.is_dir():
        return [path]
    inside = [path / name for name in EPISODES_FILES if (path / name).is_file()]
    deeper = inside or sorted(file for name in EPISODES_FILES for file in path.rglob(name))
    if deeper:
        return deeper
    raise RecordError(
        f"the folder {path} and those in it hold no {' or '.join(EPISODES_FILES)}: give a run folder, or the path of a"
        " file of records"
    )


def _load_file(path: Path, tell: Callable[[str], None] | None) -> Iterable[Source]:
    episodes: dict[tuple[str, str], list[Episode]] = {}
    for episode in read_episodes(path, drops_torn_end=True):
        episodes.setdefault((episode.agent, name_world(episode)), []).append(episode)
    if not episodes:
        fault = "is broken or no file of episode records" if path.stat().st_size else "is empty"
        raise RecordError(f"{path} holds no whole episode, for it {fault}: play some first, or leave it out")
    if tell is not None and _has_torn_end(path):
        tell(f"{path}: its last record is unfinished and was left out")
    return [Source(agent, world, played, origin=str(path)) for (agent, world), played in episodes.items()]


def _has_torn_end(path: Path) -> bool:
    """Return whether the strict reader refuses what the lenient one has read."""
    try:
        for _ in read_episodes(path):
            pass
    except RecordError:
        return True
    return False


def _name_apart(sources: Sequence[Source]) -> list[Source]:
    """Shorten the origins to what tells them apart, and add it to names that two agents of a world share."""
    counts = Counter((source.name, source.world) for source in sources)
    parts = _distinct_parts([source.origin for source in sources])
    return [
        replace(source, origin=part, name=_name_with(source, part, counts[source.name, source.world]))
        for source, part in zip(sources, parts, strict=True)
    ]


def _name_worlds(sources: Sequence[Source]) -> list[Source]:
    """Name worlds by their ids alone where all with an id have the same options."""
    kinds: dict[str, set[str]] = {}
    for source in sources:
        kinds.setdefault(source.episodes[0].env_id, set()).add(source.world)
    return [
        replace(source, world=source.episodes[0].env_id) if len(kinds[source.episodes[0].env_id]) == 1 else source
        for source in sources
    ]


def name_world(episode: Episode) -> str:
    """Return an episode's world with its options, "hiper/ALFWorld-v0, games real": means of others do not compare."""
    options = (f"{name} {reprlib.repr(value).strip(chr(39))}" for name, value in sorted(episode.env_options.items()))
    return ", ".join((episode.env_id, *options))


def _name_with(source: Source, part: str, count: int) -> str:
    return f"{source.name} ({part})" if count > 1 else source.name


def _distinct_parts(origins: Sequence[str]) -> list[str]:
    """Return the paths without the folders that all of them share, and without the file name of a run folder."""
    paths = [Path(origin).absolute() for origin in origins]
    paths = [path.parent if path.name in EPISODES_FILES else path for path in paths]
    shared = 0
    while all(len(path.parts) > shared + 1 and path.parts[shared] == paths[0].parts[shared] for path in paths):
        shared += 1
    return [str(Path(*path.parts[shared:])) for path in paths]
