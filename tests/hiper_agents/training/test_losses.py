"""Losses: ratios start at 1, each decision gets its own credit, and what was not decided gets none."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from hiper_agents.advantages import HAEConfig, Preset
from hiper_agents.policies.compact.network import CompactNetwork, log_softmax_by_turn
from hiper_agents.policies.compact.policy import CompactPolicy
from hiper_agents.training.adam import Adam
from hiper_agents.training.batch import gather_turns, make_imitation_batch, make_learning_batch
from hiper_agents.training.demonstrations import record_expert
from hiper_agents.training.losses import ImitationWeights, LossConfig, imitation_loss, ppo_loss, take_step
from hiper_agents.training.rollout import Rollout, make_envs, play_tasks
from tests.hiper_agents.toy import RoomsExpert, register_toy

FLAT = Preset(estimator="gae")


def play_toy(has_subgoals: bool = True, count: int = 20, num_envs: int = 4) -> tuple[CompactPolicy, list[Rollout]]:
    torch.manual_seed(0)
    policy = CompactPolicy(has_subgoals=has_subgoals)
    envs = make_envs(register_toy(), {}, num_envs)
    return policy, play_tasks(envs, policy, list(range(count)), np.random.default_rng(1))


def test_size_of_the_network() -> None:
    size = sum(weights.numel() for weights in CompactNetwork().parameters())
    assert 60_000 < size < 140_000


@pytest.mark.parametrize("has_subgoals", [True, False])
def test_log_probabilities_of_play_are_those_of_learning(has_subgoals: bool) -> None:
    policy, rollouts = play_toy(has_subgoals)
    batch = make_learning_batch(rollouts, Preset() if has_subgoals else FLAT)
    whole = batch.select(np.arange(len(batch)))
    for kind, rows in policy.score(policy.encode(whole.decisions)).items():
        assert rows.made.any() == (has_subgoals or kind == "action")
        torch.testing.assert_close(rows.log_new[rows.made], rows.log_old[rows.made], atol=1e-5, rtol=0)
    metrics = ppo_loss(policy, whole, LossConfig())[1]
    assert abs(metrics["kl"]) < 1e-6
    assert abs(metrics["policy"]) < 1e-5  # normalised advantages average to 0 where ratios are 1


def test_values_of_play_are_those_of_learning() -> None:
    policy, rollouts = play_toy()
    turns, decisions = gather_turns(rollouts)
    values = policy.values(policy.encode(decisions))
    kept = {"subgoal": turns.value_high, "switch": turns.value_switch, "action": turns.value_low}
    for kind, value in values.items():
        np.testing.assert_allclose(value.detach().numpy(), kept[kind], atol=1e-5)
    first = [number for number, decision in enumerate(decisions) if decision.features.current < 0]
    np.testing.assert_array_equal(np.asarray(turns.value_switch)[first], turns.value_high[first])


def test_first_turns_open_segments_without_a_choice() -> None:
    _, rollouts = play_toy()
    for rollout in rollouts:
        first, *later = rollout.decisions
        assert first.is_boundary and first.chooses_subgoal and not first.chooses_switch
        assert all(decision.chooses_switch for decision in later)
        assert all(decision.chooses_subgoal == decision.is_boundary for decision in later)
        assert rollout.num_segments == sum(decision.is_boundary for decision in rollout.decisions)


def test_credit_raises_only_the_decision_it_belongs_to() -> None:
    policy, rollouts = play_toy()
    batch = make_learning_batch(rollouts, Preset(HAEConfig(), normalises=False))
    high = batch.advantages["subgoal"]
    batch.advantages["action"][:], batch.advantages["switch"][:] = 0.0, 0.0
    high[~np.isnan(high)] = 1.0
    whole = batch.select(np.arange(len(batch)))
    loss, _ = ppo_loss(policy, whole, LossConfig(value_coefficient=0.0, entropy_coefficient=0.0))
    loss.backward()  # type: ignore[no-untyped-call]
    parameters = policy.network.named_parameters()
    moved = {name for name, weights in parameters if weights.grad is not None and weights.grad.any()}
    assert any(name.startswith("subgoal") for name in moved)
    assert not any(name.startswith(("action", "switch", "value")) for name in moved)


def test_clipping_stops_the_gradient() -> None:
    policy, rollouts = play_toy()
    batch = make_learning_batch(rollouts, Preset())
    whole = batch.select(np.arange(len(batch)))
    with torch.no_grad():
        for weights in policy.network.parameters():
            weights.mul_(1.5)
    free, clipped = (
        ppo_loss(policy, whole, LossConfig(clip, value_coefficient=0.0, entropy_coefficient=0.0))[1]["policy"]
        for clip in (1e9, 0.01)
    )
    assert clipped > free


def test_expert_turns_become_decisions() -> None:
    env = make_envs(register_toy(), {}, 1)[0]
    rollouts = record_expert([env], CompactPolicy(), RoomsExpert, [0, 7], np.random.default_rng(0))
    for rollout in rollouts:
        assert rollout.success and rollout.num_segments == 2
        assert [decision.is_boundary for decision in rollout.decisions] == [True, True, False]
        assert [decision.subgoal for decision in rollout.decisions] == [0, 1, 1]
        assert all(decision.action >= 0 for decision in rollout.decisions)
    batch = make_imitation_batch(rollouts, discount=0.5)
    np.testing.assert_allclose(batch.returns["action"][:3], [0.25, 0.5, 1.0])
    metrics = imitation_loss(CompactPolicy(), batch.select(np.arange(6)), ImitationWeights(0.5))[1]
    assert metrics["action"] > 1.0


def test_a_policy_without_pages_is_told() -> None:
    env = make_envs(register_toy(), {}, 1)[0]
    batch = make_imitation_batch(record_expert([env], CompactPolicy(), RoomsExpert, [0], np.random.default_rng(0)), 0.5)
    with pytest.raises(TypeError, match="this policy does not read the world's words"):
        imitation_loss(CompactPolicy(), batch.select(np.arange(3)), ImitationWeights(0.5, 0.1))


def test_same_seed_plays_the_same() -> None:
    rollouts = play_toy(num_envs=1, count=3)[1]
    again = play_toy(num_envs=1, count=3)[1]
    assert [r.rewards for r in rollouts] == [r.rewards for r in again]
    states = [decision.features.state.tobytes() for decision in rollouts[0].decisions]
    assert states == [decision.features.state.tobytes() for decision in again[0].decisions]


def test_log_softmax_by_turn() -> None:
    scores = torch.tensor([1.0, 2.0, 300.0, -4.0, 0.0])
    turn = torch.tensor([0, 0, 1, 2, 2])
    found = log_softmax_by_turn(scores, turn, 3)
    for number in range(3):
        torch.testing.assert_close(found[turn == number], torch.log_softmax(scores[turn == number], 0))


@pytest.mark.slow
def test_adam_is_torch_adam() -> None:
    torch.manual_seed(0)
    start = [torch.randn(4, 3), torch.randn(3), torch.randn(2)]
    ours, theirs = ([each.clone().requires_grad_() for each in start] for _ in range(2))
    own, other = Adam(ours, 0.1), torch.optim.Adam(theirs, lr=0.1, eps=1e-5)
    for _ in range(5):
        for weights, optimizer in ((ours, own), (theirs, other)):
            optimizer.zero_grad()
            loss = (weights[0].sin().sum(dim=0) * weights[1]).sum() ** 2
            loss.backward()
            optimizer.step()
    for first, second in zip(ours, theirs, strict=True):
        assert torch.equal(first, second)
    assert not torch.equal(ours[0], start[0]) and torch.equal(ours[2], start[2])


def test_training_does_not_import_the_compiler() -> None:
    script = (
        "import sys, torch; from hiper_agents.training.adam import Adam;"
        "from hiper_agents.training.losses import take_step;"
        "layer = torch.nn.Linear(2, 1); loss = layer(torch.ones(2)).sum();"
        "take_step(layer, Adam(layer.parameters(), 0.1), [(loss, {})], 1.0); sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize("factor", [1e38, float("nan"), float("inf")])
def test_nothing_is_learned_from_what_is_no_number(factor: float) -> None:
    policy, rollouts = play_toy(count=4)
    batch = make_learning_batch(rollouts, Preset())
    before = [weight.clone() for weight in policy.network.parameters()]
    loss, metrics = ppo_loss(policy, batch.select(np.arange(len(batch))), LossConfig())
    with pytest.raises(ValueError, match=r"the loss is .*, so nothing can be learned from them: the step sizes"):
        losses = [(loss * factor * 1e6, metrics)]
        take_step(policy.network, Adam(policy.network.parameters(), 1e-3), losses, 0.5)
    assert all(torch.equal(*pair) for pair in zip(before, policy.network.parameters(), strict=True))


def test_entropy_is_rewarded() -> None:
    policy, rollouts = play_toy()
    batch = make_learning_batch(rollouts, Preset())
    whole = batch.select(np.arange(len(batch)))
    alone, _ = ppo_loss(policy, whole, LossConfig(entropy_coefficient=0.0))
    loss, metrics = ppo_loss(policy, whole, LossConfig(entropy_coefficient=0.5))
    assert metrics["entropy"] > 0.5
    assert float(loss.detach()) == pytest.approx(float(alone.detach()) - 0.5 * metrics["entropy"], abs=1e-5)


def test_steps_on_the_entropy_alone_raise_it() -> None:
    policy, rollouts = play_toy()
    batch = make_learning_batch(rollouts, Preset())
    batch.advantages["action"][:] = batch.advantages["switch"][:] = batch.advantages["subgoal"][:] = 0.0
    whole = batch.select(np.arange(len(batch)))
    with torch.no_grad():
        for weights in policy.network.parameters():
            weights.mul_(4.0)  # fresh weights decide evenly already
    optimizer = Adam(policy.network.parameters(), 1e-3)
    entropies = []
    for _ in range(6):
        loss, metrics = ppo_loss(policy, whole, LossConfig(value_coefficient=0.0, entropy_coefficient=1.0))
        take_step(policy.network, optimizer, [(loss, metrics)], 1.0)
        entropies.append(metrics["entropy"])
    assert entropies[-1] > entropies[0] + 1e-2
