"""The scores in README.md and docs/: every shipped agent on every panel to report on.

Usage: python benchmarks/scores.py [--out runs/scores] [--panels NAME ...] [--workers 2]

Plays what has not been played yet, keeps the run folders (`leaderboard verify` replays them), and prints Markdown
tables of success in percent with its 95 % interval; where scores have parts, as WebShop's, the mean score after a
comma. Panels over released games or real products need $ALFWORLD_DATA or $WEBSHOP_DATA and are left out without.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from leaderboard.panels.freezing import ALFWORLD, RECIPES, lacks_data, name_needed_data
from leaderboard.play.runner import run_panel
from leaderboard.scoring.compare import Comparison, compare_runs
from leaderboard.scoring.scores import Scores, score_run

AGENTS = ("hiper", "flat", "expert", "rule", "random")
PANELS = tuple(name for name in RECIPES if "-demo-" not in name)


def list_agents(panel: str) -> list[str]:
    """Return the agents that know a panel's world; the rule is for WebShop alone."""
    return [agent for agent in AGENTS if agent != "rule" or RECIPES[panel]["env_id"] != ALFWORLD]


def play(panels: Sequence[str], folder: Path, num_workers: int) -> tuple[dict[tuple[str, str], Scores], list[str]]:
    """Play the panels with every agent.

    Args:
        panels: Their names.
        folder: Where the run folders are, PANEL/AGENT.
        num_workers: How many processes play.

    Returns:
        The scores by panel and agent, and a line on how hiper and flat differ for each panel.
    """
    scores, differences = {}, []
    for panel in panels:
        runs = {}
        for agent in list_agents(panel):
            print(f"{panel} {agent}", file=sys.stderr, flush=True)
            name = f"hiper_agents:{agent}"
            runs[agent] = run_panel(name, panel, folder / panel / agent, num_workers=num_workers)
            scores[panel, agent] = score_run(runs[agent])
        differences.append(describe_difference(panel, compare_runs(runs["hiper"], runs["flat"])))
    return scores, differences


def describe_difference(panel: str, comparison: Comparison) -> str:
    """Return how many points of success hiper is ahead of flat over the same tasks."""
    ahead = comparison.differences["success"]
    return f"{panel}: hiper - flat {ahead.value:+.1f} [{ahead.low:.1f}, {ahead.high:.1f}]"


def write_cell(scores: Scores | None, panel: str) -> str:
    """Return success with its interval, and the score if it is another figure; a dash for what was not played."""
    if scores is None:
        return "-"
    success, score = scores.metrics["success"], scores.metrics["score"]
    cell = f"{success.value:.1f} [{success.low:.0f}, {success.high:.0f}]"
    return cell if RECIPES[panel]["env_id"] == ALFWORLD else f"{cell}, {score.value:.1f}"


def print_table(panels: Sequence[str], scores: dict[tuple[str, str], Scores]) -> None:
    """Print agents against panels."""
    print("| | " + " | ".join(f"`{panel}`" for panel in panels) + " |")
    print("|---" * (len(panels) + 1) + "|")
    for agent in AGENTS:
        print(f"| {agent} | " + " | ".join(write_cell(scores.get((panel, agent)), panel) for panel in panels) + " |")
    print()


def main() -> None:
    """Play and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/scores"))
    parser.add_argument("--panels", nargs="+", choices=PANELS, default=PANELS)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    for panel in filter(lacks_data, given.panels):
        print(f"{panel} is left out: ${name_needed_data(panel)} is not set", file=sys.stderr)
    panels = [panel for panel in given.panels if not lacks_data(panel)]
    scores, differences = play(panels, given.out, given.workers)
    for is_household in (True, False):
        shown = [panel for panel in panels if (RECIPES[panel]["env_id"] == ALFWORLD) == is_household]
        if shown:
            print_table(shown, scores)
    print("\n".join(differences))


if __name__ == "__main__":
    main()
