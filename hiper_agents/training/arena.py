"""Where a run plays: its environments by split, and the tasks of each stage."""

from hiper_agents.tasks import TaskPool, group_tasks, list_others, list_playable, num_tasks
from hiper_agents.training.config import TrainConfig
from hiper_agents.training.rollout import TextEnv, make_envs
from hiper_envs.reward_wrappers import DelayedRewardWrapper, NoisyRewardWrapper


class Arena:
    """Environments and tasks of a run, made when they are asked for.

    Args:
        config: The run's settings.
    """

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        self._envs: dict[str, list[TextEnv]] = {}
        self._pools: dict[str, TaskPool] = {}

    @property
    def train_envs(self) -> list[TextEnv]:
        """Environments of the training split."""
        return self._environments(self.config.train_split, is_training=True)

    @property
    def eval_envs(self) -> list[TextEnv]:
        """Environments of the evaluation split."""
        return self._environments(self._eval_split, is_training=False)

    @property
    def _eval_split(self) -> str:
        return self.config.eval_split or self.config.train_split

    def pool(self, stage: str) -> TaskPool:
        """Return the tasks that a stage, "train" or "evaluate", plays.

        Raises:
            ValueError: No task is left to train on.
        """
        if stage not in self._pools:
            env = (self.train_envs if stage == "train" else self.eval_envs)[0]
            positions = self._training_tasks() if stage == "train" else list(range(num_tasks(env)))
            positions = list_playable(env, positions)
            groups = group_tasks(env, positions) if self.config.even_over_groups else [[each] for each in positions]
            self._pools[stage] = TaskPool(groups)
        return self._pools[stage]

    def _training_tasks(self) -> list[int]:
        """Return the positions of the training split's tasks but for those that are evaluated on."""
        training, evaluation = self.config.train_split, self._eval_split
        tasks = self.train_envs[0].get_wrapper_attr("tasks")
        held_out = self.eval_envs[0].get_wrapper_attr("tasks") if evaluation != training else ()
        trained_on = list_others(tasks, held_out)
        if not trained_on:
            raise ValueError(
                f"all {len(tasks)} tasks of the training split {training!r} are in the evaluation split "
                f"{evaluation!r}, so none is left to train on; choose another eval_split"
            )
        return trained_on

    def _environments(self, split: str, is_training: bool) -> list[TextEnv]:
        config = self.config
        extra = config.train_options if is_training else {}
        is_disturbed = is_training and bool(config.reward_delay or config.reward_noise)
        name = f"{split} of training" if extra or is_disturbed else split
        if name not in self._envs:
            options = {**config.env_options, **({"split": split} if split else {}), **extra}
            envs = make_envs(config.env_id, options, config.num_envs)
            self._envs[name] = [disturb_rewards(env, config) for env in envs] if is_disturbed else envs
        return self._envs[name]


def disturb_rewards(env: TextEnv, config: TrainConfig) -> TextEnv:
    """Return an environment whose rewards come late and with noise, as far as the settings say so: late ones first."""
    if config.reward_delay:
        env = DelayedRewardWrapper(env, config.reward_delay)
    return NoisyRewardWrapper(env, config.reward_noise, config.seed) if config.reward_noise else env
