"""What `hiper study` does."""

from pathlib import Path

from rich.console import Console

from hiper_agents.studies.plan import read_plan
from hiper_agents.studies.results import read_results
from hiper_agents.studies.run import run_study
from hiper_agents.studies.table import make_table
from webshop_server.allowed_types import check_integer


def run_command(plan: str, into: Path | None, processes: int, only_table: bool, console: Console) -> None:
    """Run a study as the command line says and show its table; see `hiper study --help`.

    Args:
        plan: A .toml file, or the name of a shipped study.
        into: Folder of its runs; None for runs/NAME.
        processes: How many are trained at a time.
        only_table: Train nothing.
        console: Where to.

    Raises:
        FileNotFoundError: There is no such file, or nothing to show.
        ValueError: There is no such study, something in it is wrong, or its folder holds other runs.
    """
    check_integer(processes, "processes", 1)
    chosen = read_plan(plan)
    folder = into or Path("runs") / chosen.name
    if not only_table:
        console.print(f"{chosen.name} in {folder}: {len(list(chosen.list_cells()))} runs", highlight=False)
        run_study(chosen, folder, processes, console)
    results = read_results(chosen, folder)
    if not results:
        raise FileNotFoundError(f"no run of {chosen.name} in {folder} has come to its end yet; run hiper study {plan}")
    console.print(make_table(results, chosen.name))
