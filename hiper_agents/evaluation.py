"""`hiper eval` and `hiper play`: agents by name, in an environment, on a screen."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import gymnasium as gym
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.progress import track
from rich.prompt import Prompt
from rich.table import Table

from hiper_agents.agents.human import HumanAgent
from hiper_agents.tasks import num_tasks, spread_tasks
from hiper_envs.episodes.agents import Agent, load_factory, make_agent
from hiper_envs.episodes.play import play_episode
from hiper_envs.episodes.record import Episode
from hiper_envs.episodes.statistics import Interval, describe_intervals, mean_interval
from hiper_envs.segments import SubgoalWrapper
from webshop_server.allowed_names import check_choice
from webshop_server.extras import naming_extra

NAMED = ("hiper", "flat", "rule", "random", "expert", "language-small-hiper", "language-small-flat")
WORLDS = {"alfworld": "hiper/ALFWorld-v0", "webshop": "hiper/WebShop-v0"}
# Those that a person is offered, the default first.
SPLITS = {
    "hiper/ALFWorld-v0": ("valid_unseen", "valid_seen", "train"),
    "hiper/ALFWorldLong-v0": ("valid_unseen", "valid_seen", "train"),
    "hiper/WebShop-v0": ("test_disjoint", "eval_disjoint", "train_disjoint"),
    "hiper/WebShopBasket-v0": ("test_disjoint", "eval_disjoint", "train_disjoint"),
}
CLUSTERED_WORLDS = ("hiper/WebShop-v0", "hiper/WebShopBasket-v0")
"""Those where tasks of a group go alike; ALFWorld's scenes are the same few for every agent and are taken as fixed."""
WRAPPED_COLUMNS = ("success", "score", "subgoal")
WIDE = 10_000
SCORE_COLUMNS = ("agent", "success", "score", "turns", "segments")
SEGMENT_COLUMNS = ("segment", "turns", "subgoal", "reward", "ended by")
MODEL_CONFIG = "config.json"
"""What a language model's folder holds."""
COLOURS = ("cyan", "magenta", "yellow", "green", "blue", "bright_red")


def find_agent(name: str) -> Callable[[], Agent]:
    """Return what makes the agent of that name.

    Raises:
        ValueError: There is none; see `hiper eval --help` for the forms a name can have.
    """
    if name.endswith(".safetensors"):
        return lambda: load_agent(name)
    if (Path(name).expanduser() / MODEL_CONFIG).is_file():
        return lambda: make_language_agent(name)
    if ":" in name:
        return load_factory(name)
    if "/" in name or name.startswith("~"):
        lacks = f"holds no {MODEL_CONFIG}: it is no model's" if Path(name).expanduser().is_dir() else "is not there"
        raise ValueError(f"the folder {name!r} {lacks}; name one that training or transformers saved")
    return load_factory(f"hiper_agents:{check_choice(name, NAMED, 'agent').replace('-', '_')}")


def load_agent(path: str) -> Agent:
    """Return the agent with the weights of a file, of a finished run for example."""
    with naming_extra():
        from hiper_agents.agents.shipped import load_policy
        from hiper_agents.policies.agent import PolicyAgent

    policy, settings = load_policy(path)
    return PolicyAgent(policy, settings["temperature"])


def make_language_agent(source: str, **options: Any) -> Agent:
    """Return an agent that plays with a language model on this machine, as it was trained or with a prompt."""
    with naming_extra():
        from hiper_agents.agents.local_models import make_local_agent

    return make_local_agent(source, **options)


def name_world(world: str) -> str:
    """Return the Gymnasium id that is meant.

    Raises:
        ValueError: There is none; the message has the nearest name.
    """
    return world if world in gym.registry else WORLDS[check_choice(world, WORLDS, "world")]


def open_env(world: str, split: str) -> SubgoalWrapper:
    """Make an environment that takes whole replies.

    Raises:
        ValueError: There is no such world or split.
    """
    env_id = name_world(world)
    split = split or SPLITS.get(env_id, ("",))[0]
    options: dict[str, Any] = {"split": split} if split else {}
    return SubgoalWrapper(gym.make(env_id, **options))


def evaluate_agents(
    agents: Sequence[str],
    env: str,
    split: str,
    episodes: int,
    seed: int,
    console: Console,
    models: Mapping[str, Callable[[], Agent]] | None = None,
) -> int:
    """Play the same tasks with each agent and show a table; see `hiper eval --help`.

    Args:
        agents: Their names, see `find_agent`.
        env: "alfworld", "webshop" or a Gymnasium id.
        split: The split; "" for the world's usual one.
        episodes: How many tasks, evenly spread over the split.
        seed: Task k is played with seed + k.
        console: Where the table is shown.
        models: Further agents: what makes each, by the name it has in the table.

    Returns:
        How many episodes an agent broke off, or failed around it (its endpoint, the network); of these two, the first
        count as failures in the table, and the second do not count.

    Raises:
        ValueError: There is no agent, no episode, or no such agent, world or split.
    """
    if not agents and not models:
        raise ValueError(f"no agent to evaluate: name one or more of {', '.join(NAMED)}, like hiper eval hiper random")
    if episodes < 1:
        raise ValueError(f"--episodes is {episodes}; it must be at least 1")
    makers = {**{name: find_agent(name) for name in agents}, **(models or {})}
    world = open_env(env, split)
    tasks = spread_tasks(num_tasks(world), episodes)
    cluster_key, clusters = cluster_tasks(world, name_world(env), tasks)
    rows, num_broken = [], 0
    for name, make in makers.items():
        agent = make_agent(name, make)
        played = [
            play_episode(world, agent, task=task, seed=seed + position, agent_name=name)
            for position, task in enumerate(_track(tasks, name, console))
        ]
        counted = [position for position, episode in enumerate(played) if not episode.failed_around]
        of_counted = [clusters[position] for position in counted] if clusters else None
        rows.append((name, *summarise_episodes([played[position] for position in counted], of_counted)))
        num_broken += sum(episode.error is not None for episode in played)
        for told in describe_failures(name, played):
            console.print(told, style="red", markup=False, highlight=False)
    show_rows(SCORE_COLUMNS, rows, console, f"{name_world(env)}: {len(tasks)} tasks", describe_intervals(cluster_key))
    return num_broken


def _track(tasks: Sequence[int], name: str, console: Console) -> Iterable[int]:
    """Show on a screen how far an agent has come."""
    return track(tasks, escape(name), console=console, transient=True, disable=not console.is_terminal)


def show_rows(
    columns: Sequence[str], rows: Sequence[Sequence[str]], console: Console, title: str = "", caption: str = ""
) -> None:
    """Show rows as a table, or as a list of all they hold where the screen is too narrow for a table.

    Args:
        columns: Their names; the first names a row.
        rows: One text for each column.
        console: Where to.
        title: A line above.
        caption: A line below.
    """
    table = Table(title=escape(title) or None, caption=escape(caption) or None)
    for column in columns:
        table.add_column(column, no_wrap=column not in WRAPPED_COLUMNS)
    for row in rows:
        table.add_row(*map(escape, row))
    if Measurement.get(console, console.options.update(width=WIDE), table).minimum <= console.width:
        console.print(table)
        return
    if title:
        console.print(title, markup=False, highlight=False)
    width = max(map(len, columns))
    for row in rows:
        for column, value in zip(columns, row, strict=True):
            style = "bold" if column == columns[0] else ""
            console.print(f"{column:<{width}}  {value}", style=style, markup=False, highlight=False)
    if caption:
        console.print(caption, markup=False, highlight=False)


def describe_failures(name: str, episodes: Sequence[Episode]) -> Iterator[str]:
    """Yield a sentence on the episodes that an agent broke off, and one on those that failed around it."""
    of_all = f"of {len(episodes)} episodes"
    own = [episode.error for episode in episodes if episode.error is not None and not episode.failed_around]
    if own:
        yield f"{name} broke off {len(own)} {of_all}, first with {own[0]}"
    around = [episode.error for episode in episodes if episode.failed_around]
    if around:
        what = f"{len(around)} {of_all} failed around {name} (its endpoint, the network) and do not count"
        yield f"{what}, first with {around[0]}"


def cluster_tasks(world: SubgoalWrapper, env_id: str, tasks: Sequence[int]) -> tuple[str, list[str] | None]:
    """Return the kind of thing that tasks share ("product") and the one that each has; "" and None if none matters.

    Args:
        world: The world.
        env_id: Its Gymnasium id.
        tasks: Positions of the tasks that are played.
    """
    if env_id not in CLUSTERED_WORLDS:
        return "", None
    inner: Any = world.unwrapped
    return inner.group_key, [inner.group_of(inner.tasks[task]) for task in tasks]


def summarise_episodes(episodes: Sequence[Episode], clusters: Sequence[str] | None = None) -> list[str]:
    """Return success and score with their 95 % intervals, turns and segments, as text.

    Args:
        episodes: One for each task.
        clusters: A label for each episode, where tasks with the same label go alike.
    """
    if not episodes:
        return ["none"] * 4
    success = mean_interval([episode.success for episode in episodes], clusters=clusters)
    score = mean_interval([episode.score for episode in episodes], clusters=clusters)
    turns = fmean(episode.num_turns for episode in episodes)
    segments = fmean(len(episode.segments) for episode in episodes)
    return [_format_interval(success), _format_interval(score), f"{turns:.1f}", f"{segments:.1f}"]


def _format_interval(interval: Interval) -> str:
    return f"{interval.value:.3f} ({interval.low:.2f}, {interval.high:.2f})"


def play_one(agent: str, world: str, split: str, task: str, seed: int, console: Console) -> Episode:
    """Play one task, show it and return it; see `hiper play --help`.

    Args:
        agent: "human", or a name, see `find_agent`.
        world: "alfworld", "webshop" or a Gymnasium id.
        split: The split; "" to ask a person, else for the world's usual one.
        task: Position or id of the task; "" to ask a person, else for the first.
        seed: Seed of agent and world.
        console: Where the episode is shown.
    """
    env_id = name_world(world)
    is_person = agent == "human"
    player: Agent = HumanAgent(console) if is_person else make_agent(agent, find_agent(agent))
    if is_person and not split and env_id in SPLITS:
        splits = SPLITS[env_id]
        split = _ask("Split", console, default=splits[0], choices=list(splits))
    env = open_env(env_id, split)
    chosen = _ask_task(env, console) if is_person and not task else read_task(task)
    episode = play_episode(env, player, task=chosen, seed=seed, agent_name=agent)
    show_episode(episode, console, shows_turns=not is_person)
    return episode


def read_task(text: str) -> int | str:
    """Return the position or the id that a text means; "" means the first task."""
    try:
        return int(text or 0)
    except ValueError:
        return text


def _ask_task(env: SubgoalWrapper, console: Console) -> int | str:
    """Ask for a task until there is one of that name."""
    while True:
        task = read_task(_ask(f"Task, a position from 0 to {num_tasks(env) - 1} or an id", console, default="0"))
        try:
            env.reset(options={"task": task})
        except ValueError as mistake:
            console.print(str(mistake), style="yellow", markup=False, highlight=False)
        else:
            return task


def _ask(question: str, console: Console, default: str, choices: list[str] | None = None) -> str:
    try:
        return Prompt.ask(question, console=console, choices=choices, default=default)
    except EOFError:
        raise KeyboardInterrupt from None


def show_episode(episode: Episode, console: Console, shows_turns: bool = True) -> None:
    """Show an episode turn by turn, each segment in a colour, and how it ended.

    Args:
        episode: The record.
        console: Where it is shown.
        shows_turns: Whether every turn is shown, not the segments and the outcome alone.
    """
    console.print(f"[bold]{escape(episode.task_id)}[/bold]  {escape(episode.instruction)}", highlight=False)
    for turn in episode.turns if shows_turns else ():
        colour = COLOURS[turn.segment % len(COLOURS)]
        if turn.is_boundary:
            subgoal = episode.segments[turn.segment].subgoal or "no subgoal"
            console.print(f"[{colour} bold]segment {turn.segment + 1}: {escape(subgoal)}[/]", highlight=False)
        console.print(f"[{colour}]{turn.number + 1:>3} > {escape(turn.action)}[/]", highlight=False)
        console.print(f"      {escape(turn.observation[:300])}", style="dim", highlight=False)
    if episode.error:
        told = f"{episode.agent} broke off the episode with {episode.error}"
        console.print(told, style="red", markup=False, highlight=False)
    rows = [
        (str(number), f"{one.start + 1}-{one.end}", one.subgoal, f"{one.reward:g}", one.end_reason)
        for number, one in enumerate(episode.segments, 1)
    ]
    show_rows(SEGMENT_COLUMNS, rows, console)
    outcome = "success" if episode.success else "no success"
    console.print(f"{outcome}, score {episode.score:.3f}, {episode.num_turns} turns, {len(episode.segments)} segments")
