"""Runs a study's starts and cells, several at a time, each in a process of its own and resumed where it stopped."""

import os
import threading
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any

from rich.console import Console

from hiper_agents.studies.plan import StudyPlan
from hiper_agents.training.config import TrainConfig, make_config

STARTS = "starts"
"""The folder of the starts' runs in a study's; no arm is called so."""
MODEL = "model"


def run_study(plan: StudyPlan, folder: Path, num_processes: int, console: Console) -> None:
    """Train everything that is not yet trained.

    Args:
        plan: The study.
        folder: Where its runs lie.
        num_processes: How many are trained at a time, each on one core.
        console: Where each step is told.

    Raises:
        ValueError: A folder holds a run with other settings, or one that is under way.
    """
    context = get_context("spawn")  # torch's threads do not survive a fork
    with ProcessPoolExecutor(num_processes, mp_context=context) as pool:
        running: dict[Future[None], str] = {}

        def begin(config: TrainConfig, name: str) -> None:
            running[pool.submit(train_cell, config.to_dict(), str(folder / name), name)] = name

        for name in plan.starts:
            begin(plan.configure_start(name), f"{STARTS}/{name}")
        try:
            while running:
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    name = running.pop(future)
                    future.result()
                    console.print(f"{name}: done", highlight=False)
                    for cell in plan.list_cells():
                        if name == f"{STARTS}/{plan.arms[cell.arm].start}":
                            model = folder / name / MODEL
                            begin(plan.configure_cell(cell, model), cell.folder)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


class Lines:
    """Tells a run's steps in lines that begin with its name.

    Args:
        name: The run's.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._console = Console(soft_wrap=True)

    def start(self, stage: str, total: int) -> None:
        """Say nothing."""

    def advance(self, units: int = 1) -> None:
        """Say nothing."""

    def report(self, metrics: Mapping[str, object]) -> None:
        """Write the step and how well was played."""
        shown = ("step", "played_success", "success")
        parts = [f"{name} {_brief(metrics[name])}" for name in shown if name in metrics]
        self._console.print(f"{self.name}: {'  '.join(parts)}", highlight=False)

    def warn(self, trouble: str) -> None:
        """Write it."""
        self._console.print(f"{self.name}: {trouble}", highlight=False, markup=False)


def _brief(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def train_cell(settings: dict[str, Any], folder: str, name: str) -> None:
    """Train one run to its end, in a process of its own.

    Args:
        settings: The run's.
        folder: Its folder.
        name: What it is called in what is told.
    """
    os.environ["OMP_NUM_THREADS"] = "1"
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from hiper_agents.training.run_lock import hold_folder
    from hiper_agents.training.trainer import Trainer

    with hold_folder(Path(folder)):
        Trainer(make_config(settings), Path(folder), Lines(name)).run()


def _end_with_parent() -> None:
    """End this process when the study does, however it ends; a run can be stopped at any time."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
