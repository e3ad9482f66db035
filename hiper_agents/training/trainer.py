"""Training: imitation of an expert's episodes, then rounds of play and PPO, one checkpoint a step.

Every step draws from a generator of its own, made of the run's seed and the step's number, and begins with fresh
episodes. So a run that was stopped and taken up again does exactly what an uninterrupted one does.
"""

import json
import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hiper_agents.advantages import ESTIMATORS
from hiper_agents.policies.policy import Policy
from hiper_agents.policies.table import make_policy
from hiper_agents.training.adam import Adam
from hiper_agents.training.arena import Arena
from hiper_agents.training.batch import LearningBatch, explain, make_imitation_batch, make_learning_batch
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
from hiper_agents.training.demonstrations import record_expert
from hiper_agents.training.losses import LossConfig, Means, imitation_loss, ppo_loss, take_step
from hiper_agents.training.progress import Listener, Silence
from hiper_agents.training.rollout import Rollout, TextEnv, play_tasks, summarise
from hiper_agents.training.watch import find_troubles
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
        self.arena = Arena(config)
        self.step = 0
        self.history: list[dict[str, Any]] = []
        torch.manual_seed(config.seed)
        self.policy: Policy = policy or make_policy(config.policy, config.has_subgoals, **config.policy_options)
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
        every = self.config.evaluation_every if updates > 0 else self.config.imitation_evaluation_every
        return ends or (every > 0 and (updates if updates > 0 else self.step) % every == 0)

    def _imitate(self, rng: np.random.Generator) -> dict[str, float]:
        config = self.config
        batch = self._demonstrate()
        self._set_lr(config.imitation_lr, self.step / max(1, self.num_imitation_steps))
        self.listener.start("imitation", math.ceil(len(batch) / config.imitation_minibatch))
        means = Means(len(batch))
        units = self.policy.divide(batch.decisions)
        lr = self.optimizer.lr
        for pieces in batch.shuffled(units, config.imitation_minibatch, rng, config.max_tokens):
            self.optimizer.lr = lr * min(1.0, (self.optimizer.num_steps + 1) / max(1, config.imitation_warmup))
            losses = (imitation_loss(self.policy, piece, config.value_coefficient) for piece in pieces)
            metrics = take_step(self.policy.network, self.optimizer, losses, IMITATION_GRADIENT_NORM)
            means.add(metrics, sum(map(len, pieces)))
            self.listener.advance()
        return means.metrics

    def _update(self, rng: np.random.Generator) -> dict[str, float]:
        config = self.config
        updates_done = self.step - self.num_imitation_steps
        estimator = ESTIMATORS[config.preset().estimator]
        trains_policy = updates_done >= config.value_updates or not estimator.uses_values
        self._set_lr(config.lr, updates_done / max(1, config.updates))
        envs = self.arena.train_envs
        drawn = self.arena.pool("train").draw(config.episodes_per_update // config.group_size, rng)
        tasks = [task for task in drawn for _ in range(config.group_size)]
        rollouts = self._play(
            envs,
            tasks,
            rng,
            "play",
            judges_truncated=config.truncation == "bootstrap",
            keeps_states="state" in estimator.marks,
            group_size=config.group_size,
        )
        batch = make_learning_batch(rollouts, config.preset())
        metrics = explain(batch) | self._descend(batch, rng, trains_policy)
        played = summarise(rollouts)
        metrics |= {"played_success": played.success, "played_score": played.score, "valid": played.valid}
        for trouble in find_troubles(metrics, config.target_kl):
            self.listener.warn(trouble)
        return metrics

    def _descend(self, batch: LearningBatch, rng: np.random.Generator, trains_policy: bool) -> dict[str, float]:
        config = self.config
        losses = LossConfig(
            config.clip,
            config.value_coefficient,
            config.entropy_coefficient,
            config.reference_coefficient,
            config.value_clip,
        )
        self.listener.start("learn", config.ppo_epochs)
        learn = partial(ppo_loss, self.policy, config=losses, trains_policy=trains_policy, reference=self.reference)
        units = self.policy.divide(batch.decisions)
        means = Means(len(batch))
        for _ in range(config.ppo_epochs):
            means = Means(len(batch))
            for pieces in batch.shuffled(units, config.ppo_minibatch, rng, config.max_tokens):
                metrics = take_step(self.policy.network, self.optimizer, map(learn, pieces), config.max_gradient_norm)
                means.add(metrics, sum(map(len, pieces)))
            self.listener.advance()
            if means.metrics["kl"] > config.target_kl:
                break
        return means.metrics

    def _evaluate(self) -> dict[str, float]:
        config = self.config
        envs = self.arena.eval_envs
        rng = np.random.default_rng([config.seed, EVALUATION, self.step])
        tasks = self.arena.pool("evaluate").spread(config.evaluation_episodes)
        found = summarise(self._play(envs, tasks, rng, "evaluate", temperature=config.temperature))
        return {"success": found.success, "score": found.score, "turns": found.turns, "segments": found.segments}

    def _play(
        self,
        envs: list[TextEnv],
        tasks: Sequence[int],
        rng: np.random.Generator,
        stage: str,
        **options: Any,
    ) -> list[Rollout]:
        self.listener.start(stage, len(tasks))
        return play_tasks(
            envs,
            self.policy,
            tasks,
            rng,
            on_episode=lambda _: self.listener.advance(),
            **options,
        )

    def _demonstrate(self) -> LearningBatch:
        """Return the expert's episodes for a pass: the same ones whenever they are asked for, or new ones each time."""
        config = self.config
        if self._demonstrations is None or config.expert_fresh:
            stream = [config.seed, DEMONSTRATION] + ([self.step] if config.expert_fresh else [])
            rng = np.random.default_rng(stream)
            tasks = self.arena.pool("train").draw_in_rounds(config.expert_episodes, rng)
            self.listener.start("expert", len(tasks))
            played = record_expert(
                self.arena.train_envs,
                self.policy,
                self._make_expert,
                tasks,
                rng,
                company=config.company(self.step),
                on_episode=lambda _: self.listener.advance(),
            )
            kept = [rollout for rollout in played if rollout.score >= config.min_expert_score - 1e-9]
            if not kept:
                raise ValueError(
                    f"none of {len(tasks)} expert episodes scored {config.min_expert_score}; lower min_expert_score"
                )
            self._demonstrations = make_imitation_batch(kept, config.discount)
        return self._demonstrations

    def _new_optimizer(self) -> Adam:
        config = self.config
        return Adam(self.policy.network.parameters(), config.lr, beta2=config.beta2, weight_decay=config.weight_decay)

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
