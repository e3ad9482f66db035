"""How far a language model keeps playing when things change: python benchmarks/language_robustness.py [--model FOLDER].

Success on generated ALFWorld games of the split on which settings are chosen: at temperatures from 0 to 1, with a share
of the replies cut off after a few tokens; on training games, the numbers in names dealt out anew or not; and with
$ALFWORLD_DATA on released training games, their goals in people's words or not. The model is a folder that training
saved, by default the one that comes with the package.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from hiper_agents.agents.shipped import WEIGHTS
from hiper_agents.policies.language.engine import Drawn, Engine, Text
from hiper_agents.policies.language.make import open_policy
from hiper_agents.training.rollout import PlaySummary, make_envs, play_tasks, summarise
from hiper_envs.episodes.statistics import proportion_interval

ENV_ID = "hiper/ALFWorld-v0"
MODEL = "language-small-alfworld-hiper"
GENERATED = {"games": "generated", "split": "train_eval"}
TRAINING = {"games": "generated", "split": "train"}
REAL = {"games": "real", "split": "train"}
TEMPERATURES = (0.0, 0.2, 0.4, 0.7, 1.0)
TEMPERATURE, NUM_ROWS = 0.4, 64
SHARES_CUT = (0.1, 0.3)
MOST_TOKENS = 8
console = Console(width=100)


class CuttingEngine:
    """Cuts a share of the replies off after one to eight tokens.

    Args:
        engine: What draws them.
        share: How many of them.
    """

    def __init__(self, engine: Engine, share: float) -> None:
        self.engine, self.share = engine, share
        self.rng = np.random.default_rng(0)

    def draw(
        self, texts: Sequence[Text], admissible: Sequence[Sequence[str]], *, max_tokens: int, rng: Any, **options: Any
    ) -> list[Drawn]:
        """Draw a reply to each text.

        Args:
            texts: As `Engine` says.
            admissible: As `Engine` says.
            max_tokens: The longest that is not cut off.
            rng: Not read: this engine's own draws.
            **options: As `Engine` says.
        """
        is_cut = self.rng.random(len(texts)) < self.share
        opens = options.pop("opens", None) or [False] * len(texts)
        drawn: dict[int, Drawn] = {}
        for cut, most in ((False, max_tokens), (True, int(self.rng.integers(1, MOST_TOKENS + 1)))):
            places = [place for place in range(len(texts)) if is_cut[place] == cut]
            part = [[each[place] for place in places] for each in (texts, admissible, opens)]
            found = self.engine.draw(part[0], part[1], opens=part[2], max_tokens=most, rng=self.rng, **options)
            drawn |= dict(zip(places, found, strict=True))
        return [drawn[place] for place in range(len(texts))]

    def forget(self, text: Text) -> None:
        """Give up what is kept of a text."""
        self.engine.forget(text)


def play(
    folder: str, num_episodes: int, options: dict[str, Any], temperature: float = TEMPERATURE, share_cut: float = 0.0
) -> PlaySummary:
    """Play episodes spread over a split.

    Args:
        folder: The model's.
        num_episodes: How many.
        options: The environment's.
        temperature: Of the draws.
        share_cut: How many of the replies are cut off.
    """
    policy, _ = open_policy(folder)
    if share_cut:
        policy.engine = CuttingEngine(policy.engine, share_cut)
    envs = make_envs(ENV_ID, options, NUM_ROWS)
    num_tasks = len(envs[0].get_wrapper_attr("tasks"))
    tasks = [number * num_tasks // num_episodes for number in range(num_episodes)]
    return summarise(play_tasks(envs, policy, tasks, np.random.default_rng(0), temperature=temperature))


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=str(Path(str(WEIGHTS)) / MODEL), help="folder that training saved")
    parser.add_argument("--episodes", type=int, default=140, help="episodes a row")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[tuple[str, dict[str, Any], dict[str, float]]] = [
        *((f"temperature {each}", GENERATED, {"temperature": each}) for each in TEMPERATURES),
        ("training games", TRAINING, {}),
        ("training games, names dealt out anew", {**TRAINING, "shuffle_names": True}, {}),
        *((f"{100 * each:.0f} % of the replies cut off", GENERATED, {"share_cut": each}) for each in SHARES_CUT),
    ]
    if os.environ.get("ALFWORLD_DATA"):
        rows += [("released games", REAL, {}), ("released games, people's words", {**REAL, "goals": "human"}, {})]
    table = Table("what differs", "success, %", "95 %", "turns", "valid, %")
    for name, options, changes in rows:
        found = play(arguments.model, arguments.episodes, options, **changes)
        interval = proportion_interval(round(found.success * arguments.episodes), arguments.episodes)
        share = f"{100 * found.success:.1f}", f"{100 * interval.low:.1f} to {100 * interval.high:.1f}"
        table.add_row(name, *share, f"{found.turns:.1f}", f"{100 * found.valid:.1f}")
    console.print(table)


if __name__ == "__main__":
    main()
