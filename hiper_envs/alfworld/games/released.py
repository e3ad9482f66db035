"""Where the released games lie: in the folders of alfworld-download, or of a copy of them."""

import logging
import os
from pathlib import Path

from hiper_envs.alfworld.games.files import explain_missing

GAMES_DATA = "ALFWORLD_DATA"
"""The variable that names their folder."""
DATA_VERSION = "json_2.1.1"
FOLDERS = {"train": ("train", "valid_train"), "valid_seen": ("valid_seen",), "valid_unseen": ("valid_unseen",)}
"""What a split's folder may be called, the first that is there."""
REAL_GAMES_HELP = (
    f"alfworld-download fetches them; set {GAMES_DATA} to the folder that holds {DATA_VERSION}, or to one that holds"
    " train, valid_seen and valid_unseen"
)

logger = logging.getLogger(__name__)


def find_real_games(split: str, is_needed: bool = False) -> Path | None:
    """Return the split's folder under $ALFWORLD_DATA, if there is one.

    Args:
        split: "train", "valid_seen" or "valid_unseen".
        is_needed: Whether nothing else will do.

    Raises:
        FileNotFoundError: There is none, and it is needed.
    """
    root = os.environ.get(GAMES_DATA)
    folder = _find_split(Path(os.path.abspath(os.path.expanduser(root))), split) if root else None
    if folder is None and is_needed:
        found = f"${GAMES_DATA} is {root!r}, where they are not" if root else f"${GAMES_DATA} is not set"
        raise FileNotFoundError(f"the released games of {split!r} are needed, and {found}: {REAL_GAMES_HELP}")
    if folder is None and root:
        logger.warning("%s is %s, but the games of %s are not there; they are generated", GAMES_DATA, root, split)
    return folder


def _find_split(folder: Path, split: str) -> Path | None:
    """Return the split's folder inside ALFWorld's data, if there is one."""
    candidates = [inside / name for inside in (folder / DATA_VERSION, folder) for name in FOLDERS[split]]
    return next((candidate for candidate in candidates if candidate.is_dir()), None)


def enter_split(folder: Path, split: str) -> Path:
    """Return the split's folder inside ALFWorld's data, or the folder itself if it is laid out otherwise.

    Raises:
        FileNotFoundError: It holds the games of other splits only.
    """
    found = _find_split(folder, split)
    if found is None and any(_find_split(folder, other) for other in FOLDERS):
        raise FileNotFoundError(explain_missing(folder / FOLDERS[split][0]))
    return found or folder
