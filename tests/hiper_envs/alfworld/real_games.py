"""The released games beside the checkout, and published runs on them."""

import gzip
import json
from pathlib import Path
from typing import Any

FOLDERS = {"train": "valid_train", "valid_seen": "valid_seen", "valid_unseen": "valid_unseen"}
"""What the folder of each split's released files is called there; of train there is a part."""


def list_games(shared: Path, split: str) -> list[Path]:
    """The files of a split's released games, in sorted order."""
    return sorted((shared / "data" / "alfworld" / "real_games" / FOLDERS[split]).rglob("*.tw-pddl.gz"))


def list_training_ids(shared: Path) -> list[str]:
    """The ids of all training games, TASK_trial_TRIAL."""
    with gzip.open(shared / "data" / "alfworld" / "real_train_plans.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line)["id"] for line in file]


def read_published_runs(shared: Path) -> list[dict[str, Any]]:
    """Runs on the unseen games in the old wording: task, intro, and steps as pairs of command and answer."""
    with gzip.open(shared / "data" / "alfworld" / "recorded_runs_put_wording.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]
