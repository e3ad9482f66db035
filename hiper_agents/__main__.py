"""The command `hiper`: train an agent or a study's, evaluate one, watch one play, or view what was played."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from rich.console import Console
from tyro.conf import Positional, arg
from tyro.extras import SubcommandApp

from webshop_server.command_line import read_command_line
from webshop_server.endings import run_to_end
from webshop_server.extras import naming_extra

app = SubcommandApp()
console = Console(soft_wrap=True)


@app.command
def train(
    config: str,
    run: Annotated[Path | None, arg(aliases=["--into"])] = None,
    seed: int | None = None,
    setting: Annotated[tuple[str, ...], arg(aliases=["-s"])] = (),
    output: Path | None = None,
    dry_run: bool = False,
) -> None:
    """Train a policy: imitation of the expert, then PPO. A run that was stopped goes on where it was.

    In several processes: accelerate launch -m hiper_agents train ..., or torchrun -m hiper_agents train ...

    Args:
        config: A .toml file, or a shipped configuration, such as alfworld-hiper, alfworld-flat, webshop-hiper,
            webshop-flat, language-small-alfworld-hiper, alfworld-hiper-qwen2.5-1.5b.
        run: Folder of the run; by default runs/NAME-seedN. Behind torchrun, which takes --run for its own, say --into.
        seed: Replaces the seed of the configuration.
        setting: Settings to replace, as name=value in TOML: --setting updates=10 lr=1e-4.
        output: Also write weights and model card to this folder, under the configuration's name.
        dry_run: Only say what the run needs in weights, tokens, memory and time, and what this machine lacks for it.
    """
    if dry_run:
        from hiper_agents.training.changes import read_changes
        from hiper_agents.training.config import read_config
        from hiper_agents.training.dry_run import describe_run, find_lacking

        chosen = read_config(config, **read_changes(seed, setting))
        for line in (*describe_run(chosen), *(f"lacking: {each}" for each in find_lacking(chosen))):
            console.print(line, markup=False, highlight=False)
        return
    with naming_extra():
        from hiper_agents.training.command import run_training

    run_training(config, run, seed, setting, output, console)


@app.command
def study(
    plan: Positional[str],
    /,
    into: Path | None = None,
    processes: int = 2,
    table: bool = False,
) -> None:
    """Train several arms alike over several seeds, and show what came of them. A study that was stopped goes on.

    Args:
        plan: A .toml file, or a shipped study, such as language-ppo.
        into: Folder of its runs; by default runs/NAME.
        processes: How many runs are trained at a time, each on one core.
        table: Only show what has come to its end so far.
    """
    with naming_extra():
        from hiper_agents.studies.command import run_command

    run_command(plan, into, processes, table, console)


@app.command(name="eval")
def evaluate(
    agents: Positional[tuple[str, ...]] = (),
    /,
    env: str = "hiper/ALFWorld-v0",
    split: str = "",
    episodes: int | None = None,
    seed: int = 0,
    model: str | None = None,
    panel: str | None = None,
    style: tuple[str, ...] = (),
    temperature: float | None = None,
    decoding: str | None = None,
    layout: str | None = None,
    served_model: str | None = None,
    dtype: str | None = None,
    device: str | None = None,
    name: str | None = None,
    out: Path | None = None,
    workers: int = 1,
) -> None:
    """Play tasks of a split and show means with 95 % intervals, or a panel with a language model, into a run's folder.

    Exit status 1: an agent broke off episodes, or some failed around it (its endpoint, the network) and do not count.

    Args:
        agents: Each of them hiper, flat, rule, random, expert, language-small-hiper, language-small-flat,
            module:factory, file.py:factory, a .safetensors file, or the folder of a language model.
        env: Gymnasium id of the environment, or alfworld or webshop.
        split: By default valid_unseen of ALFWorld, test_disjoint of WebShop.
        episodes: Number of tasks, evenly spread over the split, 100 by default; of a panel the first ones, by default
            all.
        seed: Task k is played with seed + k; of a panel it is added to every task's seed.
        model: A language model with the options below: a folder, a name on the hub, or an endpoint's address like
            http://localhost:8000/v1, whose key is in $OPENAI_API_KEY.
        panel: Play this panel with --model as leaderboard run does, for its report and verify.
        style: Ask the model in these styles, each a row: hiper, react, plan-execute. Not for a trained policy.
        temperature: Of the model's draws, 0.4 by default; 0 takes the likeliest token.
        decoding: free, format or admissible; by default that of a trained policy, else free.
        layout: chat or compact, of a model that is no trained policy.
        served_model: The endpoint's name of the model, if it serves several.
        dtype: float32, bfloat16 or float16, for weights on this machine.
        device: cpu, cuda, ..., for weights on this machine.
        name: The model's name in tables.
        out: Folder of the panel's run; runs/PANEL/NAME by default.
        workers: Processes that play a panel.
    """
    from hiper_agents.evaluation import evaluate_agents
    from hiper_agents.model_runs import list_rows, play_rows, refuse_given

    options = dict(
        temperature=temperature, decoding=decoding, layout=layout, served_model=served_model, dtype=dtype, device=device
    )
    if model is None:
        refuse_given("it is an option of --model", {**options, "panel": panel, "style": style, "name": name})
    rows = [] if model is None else list_rows(model, options, style, name)
    if panel is None:
        refuse_given("it is an option of --panel", {"out": out, "workers": None if workers == 1 else workers})
        models = {row.name: row.make for row in rows}
        count = 100 if episodes is None else episodes
        if evaluate_agents(agents, env, split, count, seed, console, models):
            sys.exit(1)
        return
    refuse_given("a panel has its own, and is played by --model alone", {"split": split, "agents": agents})
    sys.exit(play_rows(rows, panel, out=out, episodes=episodes, seed=seed, workers=workers))


@app.command
def play(
    world: Positional[str] = "alfworld",
    /,
    agent: str = "human",
    split: str = "",
    task: str = "",
    seed: int = 0,
) -> None:
    """Play a task yourself, or watch an agent play it turn by turn.

    Args:
        world: alfworld, webshop, or the Gymnasium id of an environment.
        agent: human, hiper, flat, rule, random, expert, module:factory, file.py:factory, a .safetensors file, or
            the folder of a language model.
        split: A person is asked for it; else valid_unseen of ALFWorld, test_disjoint of WebShop.
        task: Position or id of the task. A person is asked for it; else the first.
        seed: Seed of the agent and the environment.
    """
    from hiper_agents.evaluation import play_one

    if play_one(agent, world, split, task, seed, console).error is not None:
        sys.exit(1)


@app.command
def games(folder: Positional[Path | None] = None, /) -> None:
    """Read through a folder of real ALFWorld games and print how many can be played, and why others are left out.

    Args:
        folder: The folder; $ALFWORLD_DATA by default.
    """
    from hiper_envs.alfworld.games.files import read_manifest

    root = folder or Path(os.environ.get("ALFWORLD_DATA", ""))
    if root == Path():
        raise ValueError("name a folder of games, or set ALFWORLD_DATA to one")
    manifest = read_manifest(root.expanduser())
    console.print(
        f"{manifest.describe()}\n{manifest.num_changed} new or changed; digest {manifest.digest}", highlight=False
    )


@app.command
def view(runs: Positional[tuple[Path, ...]], /, out: Path = Path("episodes.html")) -> None:
    """Write episodes as one HTML page that lists, searches and shows them, and sets two agents' side by side.

    Args:
        runs: Files of episode records (.jsonl, .jsonl.zst), run folders of the leaderboard, or folders that hold such.
        out: The page to write; it needs nothing else, no network either.
    """
    from hiper_envs.viewer import load_sources, write_viewer

    def tell(note: str) -> None:
        console.print(note, style="yellow", markup=False, highlight=False)

    path = write_viewer(load_sources(runs, tell), out)
    console.print(f"episodes in {path} ({path.stat().st_size / 1024:.0f} KiB)", highlight=False)


COMMANDS: dict[str, Callable[..., object]] = {
    "train": train,
    "study": study,
    "eval": evaluate,
    "play": play,
    "games": games,
    "view": view,
}


def main() -> None:
    """Run the command line; a mistake in the input ends it with one sentence."""

    def run() -> None:
        read_command_line("hiper", COMMANDS, sys.argv[1:])
        app.cli(prog="hiper", description=__doc__)

    run_to_end("hiper", run)


if __name__ == "__main__":
    main()
