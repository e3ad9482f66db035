"""The command `webshop-server`: build, generate or serve a catalogue."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from webshop_server.catalogue.archive import check_archive
from webshop_server.catalogue.builder import build_archive
from webshop_server.catalogue.catalogue import Catalogue
from webshop_server.catalogue.source_files import find_source_files, read_raw_products
from webshop_server.command_line import BAD_INPUT, read_command_line
from webshop_server.endings import run_to_end
from webshop_server.site.address import AddressError, open_socket, write_address

PROGRAM = "webshop-server"
_BYTES_PER_MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Build:
    """Build the original's files into a folder that opens at once, however many products there are."""

    folder: Annotated[Path, tyro.conf.Positional]
    """Folder with items_shuffle*.json, items_ins_v2*.json and items_human_ins.json."""
    out: Annotated[Path, tyro.conf.Positional]
    """New folder for the built catalogue."""

    def run(self, console: Console) -> None:
        """Build with a progress bar over the product file."""
        files = find_source_files(self.folder.expanduser())
        size = files.products.stat().st_size
        with _make_bar(console, TextColumn("{task.fields[products]:,} products")) as bar:
            task = bar.add_task("Reading", total=size, products=0)
            products = read_raw_products(files, lambda read: bar.update(task, completed=min(read, size)))
            build_archive(
                products,
                self.out.expanduser(),
                show_progress=lambda count: bar.update(task, products=count),
                show_merging=lambda: bar.update(task, description="Indexing", completed=size),
            )
        _describe(self.out, console)


@dataclass(frozen=True)
class Generate:
    """Build the embedded catalogue, made from a seed, into a folder."""

    out: Annotated[Path, tyro.conf.Positional]
    """New folder for the built catalogue."""
    num_products: int = 1000
    """How many products, 100 to 1,200,000."""
    seed: int = 0
    """The same seed gives the same products."""

    def run(self, console: Console) -> None:
        """Build with a progress bar over the products."""
        from webshop_server.generated.generate import generate_products

        with _make_bar(console, MofNCompleteColumn()) as bar:
            task = bar.add_task("Making", total=self.num_products)
            build_archive(
                generate_products(self.num_products, self.seed),
                self.out.expanduser(),
                show_progress=lambda count: bar.update(task, completed=count),
                show_merging=lambda: bar.update(task, description="Indexing"),
            )
        _describe(self.out, console)


@dataclass(frozen=True)
class Serve:
    """Serve the shop as a web site."""

    data: Path | None = None
    """Folder of real files or a built catalogue; without it, the embedded catalogue."""
    goals: Literal["synthetic", "human"] = "synthetic"
    """Kind of instructions that customers get."""
    price_seed: int = 0
    """Seed of prices and price limits."""
    host: str = "127.0.0.1"
    """Address to listen at; the default is this machine only."""
    port: int = 3000
    """Port to listen at; 0 for any free one."""

    def run(self, console: Console) -> None:
        """Serve until interrupted."""
        from webshop_server.shop.shop import Shop
        from webshop_server.site.app import serve
        from webshop_server.site.sessions import Site

        with open_socket(self.host, self.port) as listener:
            catalogue = Catalogue.load(self.data) if self.data else Catalogue.generated()
            site = Site(Shop(catalogue, self.price_seed), self.goals)
            console.print(
                f"{len(catalogue.products):,} products at [bold]{write_address(listener)}/[/bold]", soft_wrap=True
            )
            console.print("/ starts with a random instruction, /goal/12 with that of goal 12; Ctrl-C stops.")
            serve(site, listener)


def _make_bar(console: Console, count: TextColumn | MofNCompleteColumn) -> Progress:
    text = TextColumn("{task.description}")
    times = (TimeElapsedColumn(), TimeRemainingColumn())
    return Progress(SpinnerColumn(), text, BarColumn(), TaskProgressColumn(), count, *times, console=console)


def _describe(out: Path, console: Console) -> None:
    """Say what a built catalogue holds."""
    folder = out.expanduser()
    manifest = check_archive(folder)
    size = sum(path.stat().st_size for path in folder.iterdir())
    console.print(f"[bold]{folder}[/bold]: {manifest.num_products:,} products, {size / _BYTES_PER_MEGABYTE:,.0f} MB")
    if left_out := manifest.num_repeats + manifest.num_unsold:
        console.print(
            f"Left out {left_out:,} records: {manifest.num_repeats:,} repeat an asin, {manifest.num_unsold:,} have "
            "none or one longer than ten characters."
        )
    console.print(f"Title nouns: {manifest.noun_source}. Digest {manifest.digest[:16]}.")


def main(arguments: list[str] | None = None) -> None:
    """Run the command; a fault is told in one sentence and gives exit status 1, a bad address 2."""

    def run() -> None:
        given = sys.argv[1:] if arguments is None else arguments
        read_command_line(PROGRAM, {"build": Build, "generate": Generate, "serve": Serve}, given)
        command: Build | Generate | Serve = tyro.cli(
            Build | Generate | Serve,
            prog=PROGRAM,
            description="The WebShop shop: build, generate or serve a catalogue.",
            args=arguments,
        )
        command.run(Console())

    run_to_end(
        PROGRAM,
        run,
        code=lambda error: BAD_INPUT if isinstance(error, AddressError) else 1,
        interrupted=f"{PROGRAM}: interrupted; nothing half-built stays",
    )


if __name__ == "__main__":
    main()
