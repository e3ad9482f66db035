"""Settings of a training run: a dataclass, read from TOML; torch is not needed to read one."""

import re
import tomllib
from dataclasses import asdict, dataclass, field, fields
from importlib import resources
from pathlib import Path
from typing import Any

from hiper_agents.advantages import ESTIMATORS, HAEConfig, Preset, ShapingConfig, sort_options
from hiper_agents.policies.language.config import LANGUAGE, SMALL
from hiper_agents.training.company import Company
from hiper_agents.training.limits import check_size, check_type
from webshop_server.allowed_names import check_choice
from webshop_server.allowed_types import shorten

_FILE_NAME = re.compile(r"\w([\w.-]{0,98}\w)?")
SHIPPED = resources.files("hiper_agents") / "configs"
MARKS = ("valid", "group", "state", "success", "final_state")
"""What training keeps of each turn for estimators."""


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides the outcome of a training run."""

    name: str
    """Name of the weights that come out."""
    env_id: str
    """Gymnasium id of the environment."""
    env_options: dict[str, Any] = field(default_factory=dict)
    """Arguments for the environment, beside the split."""
    train_split: str = "train"
    """Split whose tasks are trained on."""
    train_options: dict[str, Any] = field(default_factory=dict)
    """Further arguments for the environments that are trained in."""
    reward_delay: int = 0
    """Turns by which the rewards that are trained on are delayed; what is owed at an episode's end is paid there."""
    reward_noise: float = 0.0
    """Standard deviation of noise on each turn's reward that is trained on. Scores and evaluations stay as they are."""
    eval_split: str = ""
    """Split whose tasks are evaluated on, and never trained on; empty: the training split, all of it for both."""
    even_over_groups: bool = False
    """Draw each group of tasks as often as another, in training and evaluation: WebShop's products, not their goals."""
    expert: str = "hiper_agents:expert"
    """Agent to imitate, as module:factory."""
    policy: str = "compact"
    """Name of the kind of policy."""
    policy_options: dict[str, Any] = field(default_factory=dict)
    """What the policy is told; for language see `LanguageConfig`."""
    has_subgoals: bool = True
    """False trains a flat agent: no switches, no subgoals."""
    seed: int = 0
    """Decides everything that is random."""
    num_threads: int = 1
    """Threads for torch; results are the same for any number only on the same machine."""

    expert_episodes: int = 1000
    """Episodes of the expert to imitate; 0 skips imitation."""
    min_expert_score: float = 1.0
    """Expert episodes with a lower score are left out."""
    imitation_epochs: int = 10
    """Passes over them."""
    expert_fresh: bool = False
    """New episodes for every pass, instead of the same ones."""
    policy_share: float = 0.0
    """Share of turns in the episodes to imitate at which the policy acts instead of the expert; what the expert wanted
    is imitated, as after a disturbance. Needs new episodes for every pass."""
    policy_share_from: int = 0
    """First pass in which the policy acts."""
    disturbance: float = 0.0
    """Share of turns in the episodes to imitate at which something else is done, one to three times, that leads
    nowhere or astray. What the expert wanted is imitated, up to the first token that departs from it."""
    imitation_warmup: int = 0
    """Steps over which the step size of imitation grows from nothing."""
    imitation_lr: float = 1e-3
    """Step size of imitation, falling to a tenth along a cosine."""
    imitation_minibatch: int = 256
    """Turns in a step of imitation."""
    page_coefficient: float = 0.0
    """Weight of the negative log-likelihood of what the world writes, a turn, in imitation: a model that begins from
    nothing learns from it to read, and to copy names. For policies that read texts."""

    updates: int = 0
    """Rounds of play and PPO after imitation."""
    value_lr: float = 0.0
    """Step size of those weights in PPO that nothing but values is made of, falling alike; 0 for that of the others."""
    value_updates: int = 2
    """How many of the first of them train the values alone."""
    episodes_per_update: int = 64
    """Episodes played in each."""
    num_envs: int = 32
    """Environments played in step."""
    ppo_epochs: int = 3
    """Passes over the episodes of an update."""
    ppo_minibatch: int = 512
    """Turns in a step of PPO."""
    lr: float = 2e-4
    """Step size of PPO, falling to a tenth along a cosine."""
    clip: float = 0.2
    """How far a probability ratio may move before it stops counting."""
    value_coefficient: float = 0.5
    """Weight of the values' squared errors, in both losses."""
    beta2: float = 0.999
    """Decay of the optimizer's mean of squared gradients, Adam's second beta."""
    epsilon: float = 1e-5
    """Added to the root of that mean. Gradients of large models are small: 1e-8 there, as is usual."""
    weight_decay: float = 0.0
    """Share of each matrix taken off at a step, times the step size (AdamW)."""
    entropy_coefficient: float = 0.003
    """Weight of the decisions' entropies."""
    reference_coefficient: float = 0.02
    """Weight of the divergence from the policy that imitation left, or from the model that a language policy begins
    with; it keeps subgoals meaning what they say."""
    value_clip: float = 0.0
    """How far a value may move in an update before moving on stops paying; 0 lets it."""
    max_tokens: int = 0
    """Most tokens that go through the network at once in learning, padding included: a minibatch is read in pieces
    whose gradients add up; 0 for whole minibatches. For policies that read texts."""
    max_gradient_norm: float = 0.5
    """Longer gradients are cut to this length."""
    target_kl: float = 0.03
    """An update stops early when the policy has moved further than this."""

    estimator: str = ""
    """Name of the estimator of advantages; empty: hae, or gae for a flat agent."""
    estimator_options: dict[str, Any] = field(default_factory=dict)
    """What the estimator has beside discount and trace decays: `Estimator.options` of its entry, fields of
    SegmentTraceConfig, GroupConfig, GraphConfig and ReinforceConfig."""
    group_size: int = 1
    """Episodes of an update that play the same task, for estimators that compare them."""
    discount: float = 1.0
    """Discount per turn."""
    lambda_low: float = 1.0
    """Trace decay between the turns of a segment; in the flat agent, of the episode."""
    lambda_high: float = 0.95
    """Trace decay between segments."""
    truncation: str = "none"
    """What follows an episode cut off by the step limit; see HAEConfig. With bootstrap, the policy's own value of the
    state after the last turn. Episodes of the expert that are imitated end at the limit in any case."""
    keep_reward: float = 0.0
    """Added to the reward at each KEEP turn."""
    keep_mode: str = "fixed"
    """fixed: keep_reward as it is. normalized: divided by the episode's turns."""
    invalid_penalty: float = 0.0
    """Taken off the reward at each turn whose reply is ill-formed or whose action is not admissible."""

    checkpoint_every: int = 1
    """Steps between checkpoints; there is one at the end in any case. A run that was stopped goes on from the last."""
    evaluation_every: int = 5
    """Updates between evaluations; there is one after imitation and one at the end in any case."""
    imitation_evaluation_every: int = 0
    """Passes of imitation between evaluations; 0: none before the last."""
    evaluation_episodes: int = 64
    """Tasks played in an evaluation, spread evenly over the split."""
    evaluations_kept: int = 5
    """What is reported is the mean of this many last evaluations; of imitation alone, the last."""
    temperature: float = 1.0
    """Of the decisions in evaluations and of the shipped agent; 0 takes the likeliest."""

    def __post_init__(self) -> None:
        for each in fields(self):
            check_type(each.name, getattr(self, each.name), each.type, "the settings")
        self._check_groups()
        if self.train_split and "split" in self.env_options:
            raise ValueError("env_options holds a split, which train_split replaces; set train_split and eval_split")
        if self.policy_share and not self.expert_fresh:
            raise ValueError("policy_share is set, but the policy changes and the episodes do not; set expert_fresh")
        if self.page_coefficient and self.policy != LANGUAGE:
            raise ValueError(f"page_coefficient is set, but the policy {self.policy} reads no pages; leave it at 0")
        if self.keep_reward and not self.has_subgoals:
            raise ValueError("keep_reward is set, but a flat agent has no subgoal to keep; leave it at 0")
        for each in fields(self):
            check_size(each.name, getattr(self, each.name), each.type)

    def preset(self) -> Preset:
        """Return the settings of the advantages."""
        settings = HAEConfig(self.discount, self.lambda_low, self.lambda_high, self.truncation)
        name = self.estimator or ("hae" if self.has_subgoals else "gae")
        shaping = ShapingConfig(self.keep_reward, self.keep_mode, self.invalid_penalty)
        return Preset(
            settings,
            shaping,
            normalises=name not in ESTIMATORS or ESTIMATORS[name].uses_values,
            estimator=name,
            **sort_options(self.estimator_options, name),
        )

    def _check_groups(self) -> None:
        marks = ESTIMATORS[self.preset().estimator].marks
        unknown = [name for name in marks if name not in MARKS]
        if unknown:
            raise ValueError(f"the estimator {self.estimator} reads {unknown[0]}s, which training does not keep")
        if marks and self.group_size < 2:
            raise ValueError(
                f"the estimator {self.estimator} compares episodes of one task; set group_size to 2 or more"
            )
        if self.episodes_per_update % self.group_size:
            raise ValueError(
                f"episodes_per_update is {self.episodes_per_update}, which groups of {self.group_size} do not fill;"
                " make it a multiple of group_size"
            )

    @property
    def num_imitation_passes(self) -> int:
        """Number of passes of imitation: steps of the run before its updates."""
        return self.imitation_epochs * bool(self.expert_episodes)

    @property
    def has_reference(self) -> bool:
        """Whether there is a policy to stay near to before updates: one that imitated, or began with a model."""
        begins_with_model = self.policy_options.get("model", SMALL) != SMALL
        return self.reference_coefficient > 0 and (self.expert_episodes > 0 or begins_with_model)

    def company(self, number: int) -> Company:
        """Return who acts beside the expert in the episodes of a pass of imitation, counted from 0."""
        share = self.policy_share if number >= self.policy_share_from else 0.0
        return Company(share, self.disturbance, self.temperature)

    def to_dict(self) -> dict[str, Any]:
        """Return all settings as plain data."""
        return asdict(self)


def make_config(settings: dict[str, Any], source: str = "the settings") -> TrainConfig:
    """Return a configuration from plain data.

    Args:
        settings: Values by name.
        source: Where they come from, for messages.

    Raises:
        ValueError: A name is unknown (the nearest is named), one is missing, or a value is out of range.
        TypeError: A value has the wrong type.
    """
    known = {each.name: each for each in fields(TrainConfig)}
    for name, value in settings.items():
        check_choice(name, known, f"setting in {source}")
        check_type(name, value, known[name].type, source)
    missing = [name for name in ("name", "env_id") if name not in settings]
    if missing:
        raise ValueError(f"{source} does not say {' and '.join(missing)}; a training run needs both name and env_id")
    if not _FILE_NAME.fullmatch(settings["name"]):
        raise ValueError(
            f"name in {source} is {shorten(settings['name'])}; folders and files are called by it, so it must be up to"
            " 100 letters, digits, and - _ . inside"
        )
    return TrainConfig(**settings)


def read_config(path_or_name: str | Path, **changes: Any) -> TrainConfig:
    """Read a configuration file, or a shipped one by its name ("alfworld").

    Args:
        path_or_name: A path that ends in .toml, or a name.
        **changes: Settings that replace those of the file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: There is no such name, or a setting is wrong; see `make_config`.
    """
    text = str(path_or_name)
    if text.endswith(".toml"):
        source = Path(text)
        if not source.is_file():
            raise FileNotFoundError(f"no configuration at {source}; give a .toml file or one of {list_configs()}")
        content = _read_text(source)
    else:
        check_choice(text, list_configs(), "configuration")
        content = (SHIPPED / f"{text}.toml").read_text(encoding="utf-8")
    try:
        settings = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{text} is no valid TOML: {error}") from error
    return make_config(settings | changes, text)


def _read_text(source: Path) -> str:
    try:
        return source.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{source} is no text in UTF-8: {error}") from error


def list_configs() -> list[str]:
    """Return the names of the shipped configurations."""
    return sorted(entry.name.removesuffix(".toml") for entry in SHIPPED.iterdir() if entry.name.endswith(".toml"))
