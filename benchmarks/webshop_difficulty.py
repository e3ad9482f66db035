"""How hard generated catalogues and the panels over them are beside the real one: shapes, ranks, rules, chance, expert.

Usage: python benchmarks/webshop_difficulty.py [--real FOLDER] [--num-goals 500] [--num-products 1000 5000]
    [--seeds 0 1] [--panels webshop-real-1k-v1 webshop-test-v2]

Prints Markdown tables, as docs/webshop_catalogue.md shows them. Without the real files their columns are left out.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import fmean, median

import gymnasium as gym

import hiper_envs
from hiper_agents.agents.scripted.random_agent import RandomAgent
from hiper_agents.agents.scripted.rule_agent import RuleAgent
from hiper_agents.agents.scripted.webshop_expert import WebShopExpert
from hiper_envs.episodes.agents import Agent
from hiper_envs.episodes.play import play_episode
from hiper_envs.webshop.catalogues import REAL, REAL_DATA, open_catalogue
from leaderboard.panels.panel import load_panel
from webshop_server.catalogue.catalogue import Catalogue
from webshop_server.catalogue.goals import Goal
from webshop_server.product import Product

AGENTS: dict[str, Callable[[], Agent]] = {
    "search the instruction, buy the first": lambda: RuleAgent(clicks_options=False),
    "the same, options of the instruction clicked": RuleAgent,
    "random actions": RandomAgent,
    "expert": WebShopExpert,
}
KINDS = ("synthetic", "human")
Row = tuple[str, str]


def measure_shape(catalogue: Catalogue) -> list[Row]:
    """Return the catalogue's counts and lengths."""
    products = list(catalogue.products.values())
    goals = catalogue.goals()
    prices = sorted(catalogue.price(product.asin) for product in products)
    groups = [product.options for product in products if product.options]
    departments = ("beauty", "electronics", "garden", "fashion", "grocery")
    return [
        ("departments " + " / ".join(departments), " / ".join(_count(products, name) for name in departments)),
        ("queries", f"{len({product.query for product in products})}"),
        ("words in a title, mean", f"{fmean(len(product.title.split()) for product in products):.1f}"),
        ("bullets, mean", f"{fmean(len(product.bullets) for product in products):.1f}"),
        ("words in a description, mean", f"{fmean(len(product.description.split()) for product in products):.0f}"),
        ("attributes, mean", f"{fmean(_num_attributes(product) for product in products):.1f}"),
        ("products without options", f"{1 - len(groups) / len(products):.0%}"),
        ("groups of a product with options, mean", f"{fmean(len(options) for options in groups):.2f}"),
        ("values of a group, mean (most)", _describe_values(groups)),
        ("price, median / 90th percentile", f"{median(prices):.0f} / {prices[int(0.9 * len(prices))]:.0f}"),
        ("products with an instruction", f"{len({goal.asin for goal in goals})}"),
        ("goals", f"{len(goals):,}"),
    ]


def _count(products: Iterable[Product], department: str) -> str:
    return str(sum(product.category == department for product in products))


def _num_attributes(product: Product) -> int:
    return sum(attribute != "DUMMY_ATTR" for attribute in product.attributes)


def _describe_values(groups: Sequence[dict[str, tuple[str, ...]]]) -> str:
    sizes = [len(values) for options in groups for values in options.values()]
    return f"{fmean(sizes):.1f} ({max(sizes)})"


def measure_goals(goals: Sequence[Goal]) -> list[Row]:
    """Return what the goals ask for."""
    return [
        ("attributes of a goal", f"{fmean(len(goal.attributes) for goal in goals):.1f}"),
        ("options of a goal", f"{fmean(len(goal.options) for goal in goals):.1f}"),
        ("words of an instruction", f"{fmean(len(goal.instruction.split()) for goal in goals):.0f}"),
    ]


def measure_ranks(catalogue: Catalogue, goals: Sequence[Goal]) -> list[Row]:
    """Return where the wanted product stands when the whole instruction is the query."""
    ranks = []
    for goal in goals:
        found = [asin for asin, _ in catalogue.search(goal.instruction)]
        ranks.append(found.index(goal.asin) + 1 if goal.asin in found else 10**9)
    return [
        (f"target among the first {most}", f"{fmean(rank <= most for rank in ranks):.3f}") for most in (1, 3, 10, 50)
    ]


def measure_agents(catalogue: Catalogue, kind: str, positions: Sequence[int]) -> list[Row]:
    """Return score and success of each agent over the goals at these positions, in percent."""
    rows = []
    env = hiper_envs.SubgoalWrapper(gym.make("hiper/WebShop-v0", split="all", data=catalogue, goals=kind))
    for name, make_agent in AGENTS.items():
        agent, started = make_agent(), time.perf_counter()
        episodes = [play_episode(env, agent, task=task, seed=task) for task in positions]
        errors = [episode.error for episode in episodes if episode.error]
        if errors:
            raise RuntimeError(f"{name} broke off {len(errors)} episodes, the first with: {errors[0]}")
        score, success = fmean(e.score for e in episodes), fmean(e.success for e in episodes)
        turns, seconds = fmean(e.num_turns for e in episodes), time.perf_counter() - started
        print(f"  {name}: {score:.3f} {success:.3f}, {turns:.1f} turns, {seconds:.1f} s", flush=True)
        rows.append((f"{name}: score / success", f"{100 * score:.1f} / {100 * success:.1f}"))
    env.close()
    return rows


def measure(catalogue: Catalogue, kind: str, positions: Sequence[int]) -> list[Row]:
    """Return all rows for some goals of one catalogue."""
    goals = [catalogue.goals(kind)[position] for position in positions]
    rows = measure_shape(catalogue) if kind == "synthetic" else [("goals", f"{len(catalogue.goals(kind)):,}")]
    rows += [("measured: goals, of products", f"{len(goals)}, {len({goal.asin for goal in goals})}")]
    rows += measure_goals(goals)
    rows += measure_ranks(catalogue, goals)
    return rows + measure_agents(catalogue, kind, positions)


def write_table(columns: dict[str, list[Row]]) -> str:
    """Return a Markdown table with one column a catalogue."""
    head = ["", *columns]
    lines = [" | ".join(head), " | ".join(["---"] * len(head))]
    for cells in zip(*columns.values(), strict=True):
        lines.append(" | ".join([cells[0][0], *(value for _, value in cells)]))
    return "\n".join(f"| {line} |" for line in lines)


def open_panel(name: str) -> tuple[Catalogue, list[int]]:
    """Return a panel's catalogue and the positions of its goals."""
    panel = load_panel(name)
    return open_catalogue(panel.env_options.get("data")), [int(row.task.split("-")[1]) for row in panel.tasks]


def open_columns(arguments: argparse.Namespace) -> dict[str, tuple[Catalogue, list[int] | None]]:
    """Return what is measured: catalogues, with the positions of the goals where they are not the first ones."""
    columns: dict[str, tuple[Catalogue, list[int] | None]] = {}
    if arguments.real.is_dir():
        os.environ[REAL_DATA] = str(arguments.real.resolve())
        columns["real"] = Catalogue.load(arguments.real), None
    for number in arguments.num_products:
        for seed in arguments.seeds:
            columns[f"{number:,} generated, seed {seed}"] = Catalogue.generated(number, seed), None
    for name in arguments.panels:
        if load_panel(name).env_options.get("data") != REAL or arguments.real.is_dir():
            columns[name] = open_panel(name)
    return columns


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, default=Path("../shared/data/webshop"), help="folder of the real files")
    parser.add_argument("--num-goals", type=int, default=500)
    parser.add_argument("--num-products", type=int, nargs="+", default=[1000, 5000])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--panels", nargs="*", default=["webshop-real-1k-v1", "webshop-test-v2"])
    arguments = parser.parse_args()
    chosen = open_columns(arguments)
    for kind in KINDS:
        columns = {}
        for name, (catalogue, positions) in chosen.items():
            if kind == "human" and positions is not None:
                continue  # the panels are of synthetic goals
            print(f"{name}, {kind} goals", flush=True)
            first = range(min(arguments.num_goals, len(catalogue.goals(kind))))
            columns[name] = measure(catalogue, kind, first if positions is None else positions)
        print(f"\n{kind.capitalize()} goals\n\n{write_table(columns)}\n")


if __name__ == "__main__":
    main()
