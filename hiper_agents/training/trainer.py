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
from hiper_agents.policies.policy import VALUE_WEIGHTS, Policy
from hiper_agents.policies.table import make_policy
from hiper_agents.training.adam import Adam
from hiper_agents.training.arena import Arena
from hiper_agents.training.batch import LearningBatch, Minibatch, explain, make_imitation_batch, make_learning_batch
from hiper_agents.training.checkpoint import (
    REFERENCE_PREFIX,
    Checkpoint,
    check_settings,
    list_frozen,
    load_network,
    load_optimizer,
    load_tensors,
    network_tensors,
    optimizer_tensors,
    save_tensors,
    save_weights,
)
from hiper_agents.training.config import TrainConfig
from hiper_agents.training.demonstrations import keep_good, record_expert
from hiper_agents.training.distribution import Losses, Processes
from hiper_agents.training.losses import ImitationWeights, LossConfig, Means, imitation_loss, ppo_loss, take_step
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
        processes: Those that train together, each with such a trainer; by default this one alone.

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
        processes: Processes | None = None,
    ) -> None:
        torch.set_num_threads(config.num_threads)
        self.config = config
        self.folder = folder
        self.processes = processes or Processes()
        self.listener: Listener = listener if listener and self.processes.is_first else Silence()
        self._make_expert = make_expert or load_factory(config.expert)
        self._demonstrations: LearningBatch | None = None
        self.arena = Arena(config)
        self.step = 0
        self.history: list[dict[str, Any]] = []
        torch.manual_seed(config.seed)
        options = self.processes.localise(config.policy_options)
        self.policy: Policy = policy or make_policy(config.policy, config.has_subgoals, **options)
        self.reference: Policy | None = self.policy.copy() if config.has_reference else None
        saved = load_tensors(folder / CHECKPOINT) if (folder / CHECKPOINT).is_file() else None
        if saved is not None:
            self._resume(saved)
        for each in filter(None, (self.policy, self.reference)):
            self.processes.shard(each.network)
        self.optimizer = self._new_optimizer()
        if saved is not None:
            load_optimizer(self.optimizer, saved.tensors, self.processes)

    @property
    def num_steps(self) -> int:
        """Number of steps of the whole run: epochs of imitation, then updates."""
        return self.config.num_imitation_passes + self.config.updates

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
        facts = {"config": self.config.to_dict(), "metrics": self.reported()}
        tensors = self.processes.collect(network_tensors(self.policy.network))
        if self.processes.is_first:
            save_weights(self.policy, self.folder / WEIGHTS, tensors, facts)
        self.processes.wait()
        return self.reported()

    def reported(self) -> dict[str, Any]:
        """Return the means of the last evaluations after updates; of imitation alone the last, for it still learned."""
        done = [each["evaluation"] for each in self.history if "evaluation" in each and self._is_final_kind(each)]
        kept = done[-self.config.evaluations_kept if self.config.updates else -1 :]
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
        """Forget the expert and the optimizer's means; what imitation or a given model left is the reference."""
        self._demonstrations = None
        self.optimizer = self._new_optimizer()
        if self.reference is not None:
            self.reference.network.load_state_dict(self.policy.network.state_dict())

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
        weights = ImitationWeights(config.value_coefficient, config.page_coefficient)
        learn = partial(imitation_loss, self.policy, weights=weights)
        for pieces in batch.shuffled(units, config.imitation_minibatch, rng, config.max_tokens, self.processes.count):
            self.optimizer.lr = lr * min(1.0, (self.optimizer.num_steps + 1) / max(1, config.imitation_warmup))
            metrics = self._learn(pieces, learn, IMITATION_GRADIENT_NORM)
            means.add(metrics, sum(map(len, pieces)))
            self.listener.advance()
        return means.metrics

    def _learn(self, pieces: list[Minibatch], loss: Callable[[Minibatch], Losses], max_norm: float) -> dict[str, float]:
        """Take a step on a minibatch, this process on its share of the pieces."""
        losses = self.processes.learn(pieces, loss)
        return take_step(self.policy.network, self.optimizer, losses, max_norm, self.processes)

    def _update(self, rng: np.random.Generator) -> dict[str, float]:
        config = self.config
        updates_done = self.step - self.num_imitation_steps
        estimator = ESTIMATORS[config.preset().estimator]
        trains_policy = updates_done >= config.value_updates or not estimator.uses_values
        self._set_lr(config.lr, updates_done / max(1, config.updates), config.value_lr)
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
            for pieces in batch.shuffled(units, config.ppo_minibatch, rng, config.max_tokens, self.processes.count):
                metrics = self._learn(pieces, learn, config.max_gradient_norm)
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
        return self._share_play(stage, tasks, partial(play_tasks, envs, self.policy, tasks, rng, **options))

    def _share_play(self, stage: str, tasks: Sequence[int], play: Callable[..., list[Rollout]]) -> list[Rollout]:
        """Play this process's share of the tasks; return all processes' episodes."""
        several = self.processes.count > 1
        numbers = self.processes.share(range(len(tasks))) if several else None
        self.listener.start(stage, len(tasks) if numbers is None else len(numbers))
        with self.processes.whole(self.policy.network):
            played = play(numbers=numbers, on_episode=lambda _: self.listener.advance())
        return self.processes.gather(played)

    def _demonstrate(self) -> LearningBatch:
        """Return the expert's episodes for a pass: the same ones whenever they are asked for, or new ones each time."""
        config = self.config
        if self._demonstrations is None or config.expert_fresh:
            stream = [config.seed, DEMONSTRATION] + ([self.step] if config.expert_fresh else [])
            rng = np.random.default_rng(stream)
            tasks = self.arena.pool("train").draw_in_rounds(config.expert_episodes, rng)
            players = (self.arena.train_envs, self.policy, self._make_expert)
            record = partial(record_expert, *players, tasks, rng, company=config.company(self.step))
            played = self._share_play("expert", tasks, record)
            kept = keep_good(played, config.min_expert_score)
            self._demonstrations = make_imitation_batch(kept, config.discount)
        return self._demonstrations

    def _new_optimizer(self) -> Adam:
        config = self.config
        named = self.policy.network.named_parameters()
        return Adam(named, config.lr, config.epsilon, beta2=config.beta2, weight_decay=config.weight_decay)

    def _set_lr(self, lr: float, progress: float, value_lr: float = 0.0) -> None:
        self.optimizer.lr = lr * (LR_FLOOR + (1 - LR_FLOOR) * 0.5 * (1 + math.cos(math.pi * progress)))
        self.optimizer.set_factor(VALUE_WEIGHTS, value_lr / lr if value_lr and lr else 1.0)

    def _save(self) -> None:
        if self.step % self.config.checkpoint_every == 0 or self.step == self.num_steps:
            self._save_checkpoint()
        if self.processes.is_first:
            lines = "".join(json.dumps(entry, sort_keys=True) + "\n" for entry in self.history)
            write_whole(self.folder / HISTORY, lines)

    def _save_checkpoint(self) -> None:
        state = {"config": self.config.to_dict(), "step": self.step, "history": self.history}
        frozen = list_frozen(self.policy.network)
        tensors = network_tensors(self.policy.network, left_out=frozen) | optimizer_tensors(self.optimizer)
        if self.reference is not None and self.step >= self.num_imitation_steps:
            tensors |= network_tensors(self.reference.network, REFERENCE_PREFIX, frozen)
        tensors = self.processes.collect(tensors)
        if self.processes.is_first:
            save_tensors(self.folder / CHECKPOINT, tensors, state)

    def _resume(self, saved: Checkpoint) -> None:
        path = self.folder / CHECKPOINT
        theirs = TrainConfig("", "").to_dict() | saved.state["config"]  # younger settings have their defaults
        check_settings(self.folder, self.config.to_dict(), theirs)
        frozen = list_frozen(self.policy.network)
        load_network(self.policy.network, saved.tensors, path, left_out=frozen)
        if self.reference is not None and any(name.startswith(REFERENCE_PREFIX) for name in saved.tensors):
            load_network(self.reference.network, saved.tensors, path, REFERENCE_PREFIX, frozen)
        self.step, self.history = saved.state["step"], saved.state["history"]
