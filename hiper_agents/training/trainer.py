"""Training: imitation of an expert's episodes, then rounds of play and PPO, one checkpoint a step.

Every step draws from a generator of its own, made of the run's seed and the step's number, and begins with fresh
episodes. So a run that was stopped and taken up again does exactly what an uninterrupted one does.
"""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hiper_agents.policies.policy import Policy
from hiper_agents.policies.table import make_policy
from hiper_agents.tasks import TaskPool, group_tasks, list_others, num_tasks
from hiper_agents.training.adam import Adam
from hiper_agents.training.batch import LearningBatch, make_imitation_batch, make_learning_batch
from hiper_agents.training.checkpoint import (
    REFERENCE_PREFIX,
    load_network,
    load_optimizer,
    load_tensors,
    network_tensors,
    optimizer_tensors,
    save_tensors,
)
from hiper_agents.training.config import TrainConfig
from hiper_agents.training.losses import LossConfig, imitation_loss, ppo_loss, take_step
from hiper_agents.training.progress import Listener, Silence
from hiper_agents.training.rollout import Rollout, TextEnv, make_envs, play_tasks, record_expert, summarise
from hiper_envs.episodes.agents import Agent, load_factory
from hiper_envs.whole_file import write_whole

CHECKPOINT = "checkpoint.safetensors"
WEIGHTS = "weights.safetensors"
HISTORY = "history.jsonl"
DEMONSTRATION, STEP, EVALUATION = 1, 2, 3  # streams of random numbers of a run
LR_FLOOR = 0.1
IMITATION_GRADIENT_NORM = 5.0  # the values' errors are large at first and share the limit


class Trainer:
    """A training run in a folder of its own.

    Args:
        config: Its settings.
        folder: Where checkpoint, history and weights go. A checkpoint of the same settings there is taken up.
        listener: Hears how it gets on.
        make_expert: Makes the expert; by default the one that the settings name.
        policy: What is trained; by default a fresh one of the kind that the settings name.

    Raises:
        ValueError: The folder holds a run with other settings.
    """

    def __init__(
        self,
        config: TrainConfig,
        folder: Path,
        listener: Listener | None = None,
        make_expert: Callable[[], Agent] | None = None,
        policy: Policy | None = None,
    ) -> None:
        torch.set_num_threads(config.num_threads)
        self.config = config
        self.folder = folder
        self.listener: Listener = listener or Silence()
        self._make_expert = make_expert or load_factory(config.expert)
        self._demonstrations: LearningBatch | None = None
        self._envs: dict[str, list[TextEnv]] = {}
        self._pools: dict[str, TaskPool] = {}
        self.step = 0
        self.history: list[dict[str, Any]] = []
        torch.manual_seed(config.seed)
        self.policy: Policy = policy or make_policy(config.policy, config.has_subgoals)
        self.reference: Policy | None = None
        self.optimizer = self._new_optimizer()
        if (folder / CHECKPOINT).is_file():
            self._resume()

    @property
    def num_steps(self) -> int:
        """Number of steps of the whole run: epochs of imitation, then updates."""
        return self.config.imitation_epochs * bool(self.config.expert_episodes) + self.config.updates

    @property
    def num_imitation_steps(self) -> int:
        """Number of steps that imitate."""
        return self.num_steps - self.config.updates

    def run(self, max_steps: int | None = None) -> dict[str, Any]:
        """Train to the end, or for some steps; return the last evaluations' means once at the end.

        Args:
            max_steps: Stop after this many steps, as if interrupted.

        Returns:
            `success`, `score`, `turns`, `segments`, means over the last evaluations; empty before the end.
        """
        end = self.num_steps if max_steps is None else min(self.num_steps, self.step + max_steps)
        while self.step < end:
            self._take_step()
        if self.step < self.num_steps:
            return {}
        metrics = self.reported()
        save_tensors(
            self.folder / WEIGHTS,
            network_tensors(self.policy.network),
            {"config": self.config.to_dict(), "metrics": metrics},
        )
        return metrics

    def reported(self) -> dict[str, Any]:
        """Return the means of the last evaluations after the last change of kind of training."""
        done = [each["evaluation"] for each in self.history if "evaluation" in each and self._is_final_kind(each)]
        kept = done[-self.config.evaluations_kept :]
        metrics = {name: float(np.mean([each[name] for each in kept])) for name in kept[0]} if kept else {}
        return metrics | {"num_evaluations": len(kept)}

    def _is_final_kind(self, entry: dict[str, Any]) -> bool:
        kind = "update" if self.config.updates else "imitation"
        return bool(entry["stage"] == kind)

    def _take_step(self) -> None:
        rng = np.random.default_rng([self.config.seed, STEP, self.step])
        is_imitation = self.step < self.num_imitation_steps
        if self.step == self.num_imitation_steps:
            self._begin_updates()
        metrics = self._imitate(rng) if is_imitation else self._update(rng)
        self.step += 1
        entry: dict[str, Any] = {"step": self.step, "stage": "imitation" if is_imitation else "update", **metrics}
        if self._is_evaluated():
            entry["evaluation"] = self._evaluate()
        self.history.append(entry)
        self._save()
        told = {name: metric for name, metric in entry.items() if name != "evaluation"}
        told["step"] = f"{self.step} of {self.num_steps}"
        self.listener.report(told | entry.get("evaluation", {}))

    def _begin_updates(self) -> None:
        """Forget the expert and the optimizer's metrics; what imitation left becomes the reference."""
        self._demonstrations = None
        self.optimizer = self._new_optimizer()
        if self.config.expert_episodes:
            self.reference = self.policy.copy()

    def _is_evaluated(self) -> bool:
        """Return whether the step just taken is followed by an evaluation."""
        updates = self.step - self.num_imitation_steps
        ends = self.step in (self.num_imitation_steps, self.num_steps)
        return ends or (updates > 0 and updates % self.config.evaluation_every == 0)

    def _imitate(self, rng: np.random.Generator) -> dict[str, float]:
        config = self.config
        batch = self._demonstrate()
        self._set_lr(config.imitation_lr, self.step / max(1, self.num_imitation_steps))
        sums: dict[str, float] = {}
        self.listener.start("imitation", math.ceil(len(batch) / config.imitation_minibatch))
        for minibatch in batch.shuffled(config.imitation_minibatch, rng):
            loss, metrics = imitation_loss(self.policy, minibatch, config.value_coefficient)
            take_step(self.policy.network, self.optimizer, loss, IMITATION_GRADIENT_NORM)
            for name, metric in metrics.items():
                sums[name] = sums.get(name, 0.0) + metric * len(minibatch) / len(batch)
            self.listener.advance()
        return sums

    def _update(self, rng: np.random.Generator) -> dict[str, float]:
        config = self.config
        updates_done = self.step - self.num_imitation_steps
        trains_policy = updates_done >= config.value_updates
        self._set_lr(config.lr, updates_done / max(1, config.updates))
        envs = self._environments(config.train_split)
        tasks = self._pool("train").draw(config.episodes_per_update, rng)
        judges = config.truncation == "bootstrap"
        rollouts = self._play(envs, tasks, rng, "play", temperature=1.0, judges_truncated=judges)
        batch = make_learning_batch(rollouts, config.preset())
        metrics = self._descend(batch, rng, trains_policy)
        played = summarise(rollouts)
        return {"played_success": played.success, "played_score": played.score, **metrics}

    def _descend(self, batch: LearningBatch, rng: np.random.Generator, trains_policy: bool) -> dict[str, float]:
        config = self.config
        losses = LossConfig(
            config.clip, config.value_coefficient, config.entropy_coefficient, config.reference_coefficient
        )
        self.listener.start("learn", config.ppo_epochs)
        mean: dict[str, float] = {}
        for _ in range(config.ppo_epochs):
            mean = {}
            for minibatch in batch.shuffled(config.ppo_minibatch, rng):
                loss, metrics = ppo_loss(
                    self.policy, minibatch, losses, trains_policy=trains_policy, reference=self.reference
                )
                take_step(self.policy.network, self.optimizer, loss, config.max_gradient_norm)
                for name, metric in metrics.items():
                    mean[name] = mean.get(name, 0.0) + metric * len(minibatch) / len(batch)
            self.listener.advance()
            if mean["kl"] > config.target_kl:
                break
        return mean

    def _evaluate(self) -> dict[str, float]:
        config = self.config
        envs = self._environments(config.eval_split or config.train_split)
        rng = np.random.default_rng([config.seed, EVALUATION, self.step])
        tasks = self._pool("evaluate").spread(config.evaluation_episodes)
        found = summarise(self._play(envs, tasks, rng, "evaluate", config.temperature))
        return {"success": found.success, "score": found.score, "turns": found.turns, "segments": found.segments}

    def _play(
        self,
        envs: list[TextEnv],
        tasks: Sequence[int],
        rng: np.random.Generator,
        stage: str,
        temperature: float,
        judges_truncated: bool = False,
    ) -> list[Rollout]:
        self.listener.start(stage, len(tasks))
        return play_tasks(
            envs,
            self.policy,
            tasks,
            rng,
            temperature=temperature,
            judges_truncated=judges_truncated,
            on_episode=lambda _: self.listener.advance(),
        )

    def _demonstrate(self) -> LearningBatch:
        """Return the expert's episodes; the same ones whenever they are asked for."""
        if self._demonstrations is None:
            config = self.config
            env = self._environments(config.train_split)[0]
            rng = np.random.default_rng([config.seed, DEMONSTRATION])
            tasks = self._pool("train").draw_in_rounds(config.expert_episodes, rng)
            self.listener.start("expert", len(tasks))
            kept: list[Rollout] = []
            for rollout in record_expert(env, self.policy, self._make_expert(), tasks, rng):
                self.listener.advance()
                if rollout.score >= config.min_expert_score - 1e-9:
                    kept.append(rollout)
            if not kept:
                raise ValueError(
                    f"none of {len(tasks)} expert episodes scored {config.min_expert_score}; lower min_expert_score"
                )
            self._demonstrations = make_imitation_batch(kept, config.discount)
        return self._demonstrations

    def _pool(self, stage: str) -> TaskPool:
        """Return the tasks that a stage, "train" or "evaluate", plays."""
        if stage not in self._pools:
            split = self.config.train_split if stage == "train" else self.config.eval_split or self.config.train_split
            env = self._environments(split)[0]
            positions = self._training_tasks() if stage == "train" else list(range(num_tasks(env)))
            groups = group_tasks(env, positions) if self.config.even_over_groups else [[each] for each in positions]
            self._pools[stage] = TaskPool(groups)
        return self._pools[stage]

    def _training_tasks(self) -> list[int]:
        """Return the positions of the training split's tasks but for those that are evaluated on.

        Raises:
            ValueError: None is left.
        """
        training, evaluation = self.config.train_split, self.config.eval_split or self.config.train_split
        tasks = self._environments(training)[0].get_wrapper_attr("tasks")
        held_out = self._environments(evaluation)[0].get_wrapper_attr("tasks") if evaluation != training else ()
        trained_on = list_others(tasks, held_out)
        if not trained_on:
            raise ValueError(
                f"all {len(tasks)} tasks of the training split {training!r} are in the evaluation split "
                f"{evaluation!r}, so none is left to train on; choose another eval_split"
            )
        return trained_on

    def _environments(self, split: str) -> list[TextEnv]:
        if split not in self._envs:
            options = {**self.config.env_options, **({"split": split} if split else {})}
            self._envs[split] = make_envs(self.config.env_id, options, self.config.num_envs)
        return self._envs[split]

    def _new_optimizer(self) -> Adam:
        return Adam(self.policy.network.parameters(), self.config.lr)

    def _set_lr(self, lr: float, progress: float) -> None:
        self.optimizer.lr = lr * (LR_FLOOR + (1 - LR_FLOOR) * 0.5 * (1 + math.cos(math.pi * progress)))

    def _save(self) -> None:
        state = {"config": self.config.to_dict(), "step": self.step, "history": self.history}
        tensors = network_tensors(self.policy.network) | optimizer_tensors(self.optimizer)
        if self.reference is not None:
            tensors |= network_tensors(self.reference.network, REFERENCE_PREFIX)
        save_tensors(self.folder / CHECKPOINT, tensors, state)
        lines = "".join(json.dumps(entry, sort_keys=True) + "\n" for entry in self.history)
        write_whole(self.folder / HISTORY, lines)

    def _resume(self) -> None:
        path = self.folder / CHECKPOINT
        saved = load_tensors(path)
        ours = json.loads(json.dumps(self.config.to_dict()))
        theirs = TrainConfig("", "").to_dict() | saved.state["config"]  # younger settings have their defaults
        different = sorted(name for name in ours if theirs[name] != ours[name])
        if different:
            raise ValueError(
                f"{self.folder} holds a run with other settings ({', '.join(different)}); choose another folder,"
                " or delete this one"
            )
        load_network(self.policy.network, saved.tensors, path)
        load_optimizer(self.optimizer, saved.tensors)
        if any(name.startswith(REFERENCE_PREFIX) for name in saved.tensors):
            self.reference = self.policy.copy()
            load_network(self.reference.network, saved.tensors, path, REFERENCE_PREFIX)
        self.step, self.history = saved.state["step"], saved.state["history"]
