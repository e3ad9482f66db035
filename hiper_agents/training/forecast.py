"""What a run will need, before anything of it is loaded: weights, tokens, memory, time, each with how it is known."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from hiper_agents.policies.language.config import LanguageConfig, make_language_config
from hiper_agents.policies.language.sizes import ModelSizes, find_sizes
from hiper_agents.training.config import TrainConfig
from webshop_server.allowed_types import check_integer

GIGABYTE = 1e9
BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
EXACT_BYTES = 4
TURNS = {"alfworld": 50, "webshop": 15}
"""The step limits, of one goal."""
GOAL_OPTIONS = {"hiper/ALFWorldLong-v0": "num_goals", "hiper/WebShopBasket-v0": "num_products"}
"""Environments whose limit counts for each of several goals, and the options that say of how many."""
DEFAULT_GOALS = 3
DEFAULT_TURNS = 50
ACTIVATIONS_A_LAYER = 16
"""Numbers that the backward pass needs of a token and a layer, in widths of the hidden state, about; those of the
feed-forward are counted apart."""
COPIES_OF_SCORES = 5
"""Float32 numbers that learning holds for each learned token and entry of the vocabulary."""
CACHE = "keys and values while playing"
FLOPS = {"cuda": 4e14, "cpu": 3.4e10}
"""Floating-point operations a second that are assumed: of an H100 in bfloat16 at 40 %, of a processor's thread."""
BYTES_A_SECOND = {"cuda": 2e12, "cpu": 2e10}
"""How fast weights are assumed to be read, on which drawing token by token waits."""
SECONDS_A_LAYER = {"cpu": 0.0, "cuda": 1.5e-3}
"""What a layer takes at least, however little it computes; chosen near the update times of SmolLM2 on an H100."""
SLOWER_IN_FLOAT32 = 8


@dataclass(frozen=True)
class TextSizes:
    """Tokens of an episode: of its first page with all orders, of each further page, and of a reply."""

    first: int
    page: int
    reply: int
    turns: int

    @property
    def episode(self) -> int:
        """Tokens of an episode that goes on to the step limit."""
        return self.first + (self.turns - 1) * self.page + self.turns * self.reply


MEASURED = {
    ("compact", "alfworld"): (77, 47, 10),
    ("compact", "webshop"): (33, 122, 13),
    ("chat", "alfworld"): (480, 236, 33),
    ("chat", "webshop"): (310, 481, 34),
    ("bare chat", "alfworld"): (323, 55, 31),
    ("bare chat", "webshop"): (262, 367, 34),
}
"""Tokens of first page, further pages and replies in the expert's episodes of 20 tasks: the compact layout with a
tokenizer made from the worlds' texts, the chat layout with SmolLM2's, and without lists of actions."""
FLAT_REPLIES = {
    ("compact", "alfworld"): 6,
    ("compact", "webshop"): 9,
    ("chat", "alfworld"): 13,
    ("chat", "webshop"): 16,
}
"""Tokens of a flat agent's replies in the same."""


EXPERT_TURNS = {"alfworld": 8, "webshop": 8}
"""Turns of the expert's episodes; about."""
LONGER_BY_DISTURBANCE = 2.5
"""What they get longer by, as a multiple of the share of turns that are disturbed; as seen at a fifth of them."""


@dataclass(frozen=True)
class Forecast:
    """A run in numbers.

    Attributes:
        sizes: Of the model.
        texts: Of its episodes.
        trained: Weights that are trained.
        memory: Bytes in a process, by what they are for.
        learning, drawing: Floating-point operations of an update, in a process.
        reading: Seconds of waiting for one token after the other: weights, keys and values are read for each.
        imitating: Floating-point operations of all passes of imitation, in a process, if nobody but the expert acts.
    """

    sizes: ModelSizes
    texts: TextSizes
    trained: int
    memory: dict[str, float]
    learning: float
    drawing: float
    reading: float
    imitating: float

    def imitation_seconds(self, device: str, dtype: str, num_threads: int) -> float:
        """Return the time that imitation takes, about; its arguments are those of `seconds`.

        Args:
            device: "cpu" or "cuda".
            dtype: What is computed with.
            num_threads: Of a processor.
        """
        return self.imitating / _find_speed(device, dtype, num_threads)

    def seconds(self, device: str, dtype: str, num_threads: int) -> float:
        """Return the time that an update takes, about.

        Args:
            device: "cpu" or "cuda".
            dtype: What is computed with.
            num_threads: Of a processor.
        """
        return (self.learning + self.drawing) / _find_speed(device, dtype, num_threads) + self.reading


def _find_speed(device: str, dtype: str, num_threads: int) -> float:
    speed = FLOPS[device] * (num_threads if device == "cpu" else 1)
    return speed / (SLOWER_IN_FLOAT32 if device == "cuda" and dtype == "float32" else 1)


def find_world(config: TrainConfig) -> str:
    """Return the world that an environment's id names: alfworld, webshop, or plain."""
    name = config.env_id.lower()
    return next((world for world in TURNS if world in name), "plain")


def count_goals(config: TrainConfig) -> int:
    """Return how many goals an episode has."""
    option = GOAL_OPTIONS.get(config.env_id)
    options = {**config.env_options, **config.train_options}
    return check_integer(options.get(option, DEFAULT_GOALS), option, 1) if option else 1


def count_turns(config: TrainConfig) -> int:
    """Return after how many turns an episode is truncated."""
    options = {**config.env_options, **config.train_options}
    limit = TURNS.get(find_world(config), DEFAULT_TURNS) * count_goals(config)
    if config.env_id not in GOAL_OPTIONS:
        return check_integer(options.get("max_episode_steps") or limit, "max_episode_steps")
    limit = check_integer(options.get("max_turns") or limit, "max_turns", 1)
    return min(limit, check_integer(options.get("max_episode_steps") or limit, "max_episode_steps"))


def size_texts(config: TrainConfig, language: LanguageConfig, max_positions: int | None) -> TextSizes:
    """Return how long a run's texts will be.

    Args:
        config: The run's settings.
        language: The policy's.
        max_positions: How far the model looks back.
    """
    world = find_world(config)
    layout = "bare chat" if language.layout == "chat" and not language.lists_actions else language.layout
    first, page, reply = MEASURED.get((layout, world), MEASURED[layout, "alfworld"])
    if not config.has_subgoals:
        reply = FLAT_REPLIES.get((language.layout, world), FLAT_REPLIES[language.layout, "alfworld"])
    turns = count_turns(config)
    if max_positions is not None:
        turns = max(1, min(turns, (max_positions - first) // (page + reply)))
    return TextSizes(first, page, min(reply, language.max_reply_tokens), turns)


def forecast(config: TrainConfig, num_processes: int = 1, uses_shards: bool = False) -> Forecast | str:
    """Return what a run of a language policy will need in each process; a sentence where that is not known.

    Args:
        config: The run's settings.
        num_processes: How many share the work.
        uses_shards: Whether each keeps a part of the blocks' weights.
    """
    language = make_language_config(config.policy_options)
    sizes, known = find_sizes(language)
    if sizes is None:
        return known
    texts = size_texts(config, language, sizes.max_positions)
    trained = sizes.added_weights
    trained += sizes.count_adapters(language.lora_rank) if language.lora_rank else sizes.weights
    memory = dict(_list_memory(config, language, sizes, texts, num_processes if uses_shards else 1))
    tokens = config.episodes_per_update * texts.episode / num_processes
    work = tokens * sizes.count_work(texts.episode / 2)
    passes = 2 * (2 if language.lora_rank else 3) + 2 * language.checkpoints_activations
    learning = work * (passes + 2 * config.has_reference) * config.ppo_epochs
    rounds = -(-config.episodes_per_update // (config.num_envs * num_processes))
    draws = rounds * texts.turns * texts.reply
    device = "cuda" if language.device.startswith("cuda") else "cpu"
    read = sizes.weights * BYTES[language.dtype] + memory[CACHE] / 2
    in_company = max(0.0, 1 - config.policy_share_from / max(1, config.num_imitation_passes)) * config.policy_share
    longer = 1 + LONGER_BY_DISTURBANCE * config.disturbance + in_company
    expected = round(longer * EXPERT_TURNS.get(find_world(config), texts.turns) * count_goals(config))
    shown = replace(texts, turns=min(texts.turns, expected)).episode
    imitated = config.num_imitation_passes * config.expert_episodes * shown / num_processes
    imitating = imitated * sizes.count_work(shown / 2) * passes
    waiting = draws * max(read / BYTES_A_SECOND[device], sizes.layers * SECONDS_A_LAYER[device])
    return Forecast(sizes, texts, trained, memory, learning, 2 * work, waiting, imitating)


def _list_memory(
    config: TrainConfig, language: LanguageConfig, sizes: ModelSizes, texts: TextSizes, num_shards: int
) -> Iterator[tuple[str, float]]:
    """Yield what the memory of a process is for, and how many bytes."""
    width = BYTES[language.dtype]
    held = sizes.weights - sizes.block_weights + sizes.block_weights / num_shards
    adapters = sizes.count_adapters(language.lora_rank) / num_shards if language.lora_rank else 0
    trained = (adapters if language.lora_rank else held) + sizes.added_weights
    trained_width = EXACT_BYTES if language.lora_rank else width
    yield "weights", held * width + adapters * EXACT_BYTES
    yield "gradients", trained * trained_width
    yield "optimiser", trained * (2 * EXACT_BYTES + (EXACT_BYTES if trained_width < EXACT_BYTES else 0))
    shares_reference = bool(language.lora_rank) and num_shards == 1
    yield "reference", (trained * trained_width if shares_reference else held * width) if config.has_reference else 0.0
    tokens = max(config.max_tokens, texts.episode) if config.max_tokens else config.ppo_minibatch * texts.page
    layers = sizes.hidden * (sizes.layers + ACTIVATIONS_A_LAYER) + 3 * sizes.intermediate
    if not language.checkpoints_activations:
        layers = sizes.layers * (ACTIVATIONS_A_LAYER * sizes.hidden + 3 * sizes.intermediate)
    yield "activations", tokens * layers * width
    learned = tokens * texts.reply / (texts.reply + texts.page)
    yield "scores", learned * sizes.vocabulary * EXACT_BYTES * COPIES_OF_SCORES
    rows = min(config.num_envs, config.episodes_per_update)
    cache = rows * texts.episode * sizes.layers * 2 * sizes.kv_heads * sizes.head_dim * width
    whole = (sizes.weights - held) * width if num_shards > 1 else 0.0
    yield CACHE, cache
    yield "all weights while playing", whole
