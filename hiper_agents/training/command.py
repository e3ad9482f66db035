"""`hiper train`: a run in its folder, and the weights with their model card."""

import errno
import json
import os
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from rich.console import Console

from hiper_agents.training.changes import read_changes
from hiper_agents.training.checkpoint import MODEL
from hiper_agents.training.config import TrainConfig, read_config
from hiper_agents.training.distribution import join_processes
from hiper_agents.training.progress import ProgressBar
from hiper_agents.training.run_lock import hold_folder
from hiper_agents.training.shortage import naming_settings
from hiper_agents.training.trainer import CHECKPOINT, HISTORY, WEIGHTS, Trainer
from hiper_envs.whole_file import write_whole

LIBRARIES = {"compact": ("torch", "numpy"), "language": ("torch", "transformers", "tokenizers", "numpy")}
"""Kind of policy -> the libraries whose versions its weights may depend on."""


def run_training(
    config: str, folder: Path | None, seed: int | None, settings: Sequence[str], output: Path | None, console: Console
) -> None:
    """Train as the command line says; see `hiper train --help`.

    Args:
        config: A .toml file, or the name of a shipped configuration.
        folder: Folder of the run; None for runs/NAME-seedN.
        seed: Replaces the configuration's; None for that one.
        settings: Further settings to replace, each "name=value" in TOML.
        output: Folder that also gets weights and model card; None for none.
        console: Where progress is shown.

    Raises:
        ValueError: A setting is wrong, or the folder holds another run or one that is under way.
        OSError: A folder or file cannot be written; for `output` this is found out before training.
        KeyboardInterrupt: The user stopped it; the console says what is left of it.
    """
    changes = read_changes(seed, settings)
    chosen = read_config(config, **changes)
    folder = folder or Path("runs") / f"{chosen.name}-seed{chosen.seed}"
    processes = join_processes(str(chosen.policy_options.get("device", "cpu")))
    if not processes.is_first:
        with naming_settings():
            Trainer(chosen, folder, processes=processes).run()
        processes.end()
        return
    if output is not None:
        make_writable(output)
    console.print(f"{chosen.name} in {folder}", highlight=False)
    started = time.perf_counter()
    with hold_folder(folder), ProgressBar(console) as bar, naming_settings():
        trainer = Trainer(chosen, folder, bar, processes=processes)
        _announce(trainer, console)
        try:
            metrics = trainer.run()
        except KeyboardInterrupt:
            has_checkpoint = (folder / CHECKPOINT).is_file()
            then = "goes on from the last checkpoint" if has_checkpoint else "begins anew, for no step was finished"
            console.print(f"the same command {then}", highlight=False)
            raise
    processes.end()
    seconds = time.perf_counter() - started
    console.print(f"done in {seconds:.0f} s: {json.dumps(metrics)}", highlight=False)
    if output is not None:
        ship(trainer, output, make_card(chosen, config, changes, metrics, trainer.history))
        console.print(f"weights and model card in {output}")


def _announce(trainer: Trainer, console: Console) -> None:
    for note in getattr(trainer.policy, "notes", ()):
        console.print(note, style="yellow", markup=False, highlight=False)
    if trainer.step:
        console.print(f"going on after step {trainer.step} of {trainer.num_steps}")
    if trainer.step < trainer.num_imitation_steps:
        episodes = trainer.config.expert_episodes
        console.print(f"recording {episodes} episodes of the expert to imitate, before the first step", highlight=False)


def make_card(
    config: TrainConfig, source: str, changes: dict[str, Any], metrics: dict[str, Any], history: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return what is to be known of trained weights.

    Args:
        config: The configuration of the run.
        source: Where it came from, a file or a shipped name.
        changes: Settings that replaced the configuration's.
        metrics: Of the last evaluation.
        history: One entry for each update.
    """
    pairs = "".join(f" --setting {name}={json.dumps(value)}" for name, value in changes.items() if name != "seed")
    seed = f" --seed {config.seed}" if "seed" in changes else ""
    return {
        "name": config.name,
        "made_by": f"hiper train --config {source}{seed}{pairs} --output hiper_agents/weights",
        "versions": {name: metadata.version(name) for name in LIBRARIES[config.policy]},
        "how": _tell_how(config),
        "input": "text alone: instruction, observations, admissible actions",
        "reported": {"split": config.eval_split, **metrics},
        "evaluations": [{"step": entry["step"], **entry["evaluation"]} for entry in history if "evaluation" in entry],
        "settings": config.to_dict(),
    }


def _tell_how(config: TrainConfig) -> str:
    imitation = ["imitation of the scripted expert"] if config.num_imitation_passes else []
    credit = "hierarchical advantages (HAE)" if config.has_subgoals else "flat advantages (GAE)"
    credit = f"the advantages of {config.estimator}" if config.estimator else credit
    return ", then ".join([*imitation, *([f"clipped PPO on {credit}"] if config.updates else [])])


def ship(trainer: Trainer, output: Path, card: dict[str, Any]) -> None:
    """Put a finished run's weights and their card into a folder, under the configuration's name.

    A language model becomes a folder of its own there, in half precision, which transformers opens too, with the log of
    its run.

    Args:
        trainer: The run.
        output: Where the files go.
        card: What is to be known of the weights.
    """
    config, model = trainer.config, trainer.folder / MODEL
    if model.is_dir():
        from hiper_agents.policies.language.make import open_policy, save_policy

        save_policy(open_policy(model)[0], output / config.name, {"card": card}, "bfloat16")
        write_whole(output / config.name / HISTORY, (trainer.folder / HISTORY).read_text(encoding="utf-8"))
        return
    write_whole(output / f"{config.name}.safetensors", (trainer.folder / WEIGHTS).read_bytes())
    write_whole(output / f"{config.name}.json", json.dumps(card, indent=2, sort_keys=True) + "\n")


def make_writable(folder: Path) -> None:
    """Make a folder if it is not there.

    Raises:
        OSError: It cannot be made or written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise PermissionError(errno.EACCES, "the folder cannot be written to", str(folder))
