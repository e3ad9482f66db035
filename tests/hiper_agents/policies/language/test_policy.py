"""A language model as a policy: every token is a row of one kind, and learning sees what play drew."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import hiper_agents
from hiper_agents.advantages import Preset
from hiper_agents.policies.language.decision import LanguageDecision
from hiper_agents.policies.language.make import make_language_policy, open_policy, save_policy
from hiper_agents.policies.language.network import FACTS
from hiper_agents.policies.language.policy import LanguagePolicy
from hiper_agents.policies.policy import Policy
from hiper_agents.training.batch import LearningBatch, Minibatch, make_imitation_batch, make_learning_batch
from hiper_agents.training.company import Company
from hiper_agents.training.demonstrations import record_expert
from hiper_agents.training.losses import ImitationWeights, LossConfig, imitation_loss, ppo_loss
from hiper_agents.training.rollout import Rollout, play_tasks
from hiper_envs.reply import parse_reply
from tests.hiper_agents.policies.language.small import make_alfworld, make_small_policy
from tests.hiper_agents.policies.language.tiny import save_tiny

WAYS = [(True, "free"), (True, "format"), (True, "admissible"), (False, "free"), (False, "format")]


def play(policy: LanguagePolicy, count: int = 6, num_envs: int = 3, seed: int = 1) -> list[Rollout]:
    return play_tasks(make_alfworld(num_envs), policy, list(range(count)), np.random.default_rng(seed))


def demonstrate(policy: LanguagePolicy, company: Company | None = None, count: int = 6) -> list[Rollout]:
    envs = make_alfworld(3, max_turns=30)
    return record_expert(
        envs, policy, hiper_agents.expert, list(range(count)), np.random.default_rng(0), company=company
    )


def list_decisions(rollouts: list[Rollout]) -> list[LanguageDecision]:
    return [
        decision for rollout in rollouts for decision in rollout.decisions if isinstance(decision, LanguageDecision)
    ]


def whole(policy: Policy, batch: LearningBatch) -> Minibatch:
    return batch.select(np.arange(len(batch)))


@pytest.mark.parametrize(("has_subgoals", "decoding"), WAYS)
def test_log_probabilities_and_values_of_play_are_those_of_learning(has_subgoals: bool, decoding: str) -> None:
    policy = make_small_policy(has_subgoals, decoding=decoding)
    torch.nn.init.normal_(policy.network.heads.weight)
    decisions = list_decisions(play(policy))
    batch = policy.encode(decisions)
    for rows in policy.score(batch).values():
        torch.testing.assert_close(rows.log_new, rows.log_old, atol=1e-4, rtol=0)
    values = policy.values(batch)
    torch.testing.assert_close(
        values["action"], torch.tensor([each.value_low for each in decisions]), atol=1e-4, rtol=0
    )
    assert set(values) == ({"action", "switch", "subgoal"} if has_subgoals else {"action"})
    if has_subgoals:
        kept = torch.tensor([each.value_switch for each in decisions])
        torch.testing.assert_close(values["switch"], kept, atol=1e-4, rtol=0)


@pytest.mark.parametrize(("has_subgoals", "decoding"), WAYS)
def test_every_token_that_was_chosen_has_one_row(has_subgoals: bool, decoding: str) -> None:
    policy = make_small_policy(has_subgoals, decoding=decoding)
    decisions = list_decisions(play(policy))
    rows = policy.score(policy.encode(decisions))
    chosen = sum(allowed is None or len(allowed) > 1 for each in decisions for allowed in each.allowed)
    assert sum(len(each.turn) for each in rows.values()) == chosen
    for kind in ("switch", "subgoal", "action"):
        turns = set(rows[kind].turn.tolist())
        if kind != "action":
            assert turns <= {turn for turn, each in enumerate(decisions) if getattr(each, f"chooses_{kind}")}
    for each in decisions:
        assert len(each.ids) == len(each.kinds) == len(each.log_old) == len(each.allowed)
        assert tuple(each.text.ids[each.start : each.end]) == each.ids
        assert not (each.chooses_subgoal and not each.is_boundary)


def test_forms_are_kept_where_decoding_keeps_them() -> None:
    for has_subgoals, decoding in ((True, "format"), (True, "admissible"), (False, "admissible")):
        rollouts = play(make_small_policy(has_subgoals, decoding=decoding, max_reply_tokens=64))
        for rollout in rollouts:
            assert rollout.decisions[0].is_boundary
            finished = [each for each in rollout.decisions if each.reply.endswith("</action>")]
            said = [parse_reply(each.reply) for each in finished]
            if decoding == "admissible":
                assert sum(rollout.valid) >= len([reply for reply in said if not reply.problems])


def test_the_first_ratio_is_one_and_pieces_add_up() -> None:
    policy = make_small_policy()
    batch = make_learning_batch(play(policy), Preset())
    units = policy.divide(batch.decisions)
    assert sorted(set(units.unit.tolist())) == list(range(6))
    metrics = ppo_loss(policy, whole(policy, batch), LossConfig())[1]
    assert abs(metrics["kl"]) < 1e-6

    def gradient(max_tokens: int) -> torch.Tensor:
        policy.network.zero_grad()
        [pieces] = batch.shuffled(units, 10**6, np.random.default_rng(0), max_tokens)
        assert len(pieces) == (1 if not max_tokens else 6)
        for piece in pieces:
            ppo_loss(policy, piece, LossConfig(entropy_coefficient=0.1))[0].backward()  # type: ignore[no-untyped-call]
        return torch.cat(
            [weights.grad.flatten() for weights in policy.network.parameters() if weights.grad is not None]
        )

    torch.testing.assert_close(gradient(0), gradient(1), atol=1e-5, rtol=1e-4)


def test_learning_values_alone_leaves_the_model_as_it_is() -> None:
    policy = make_small_policy()
    torch.nn.init.normal_(policy.network.heads.weight)
    batch = make_learning_batch(play(policy), Preset())
    loss, _ = ppo_loss(policy, whole(policy, batch), LossConfig(), trains_policy=False)
    loss.backward()  # type: ignore[no-untyped-call]
    moved = {
        name for name, weights in policy.network.named_parameters() if weights.grad is not None and weights.grad.any()
    }
    assert moved == {"heads.weight", "heads.bias"}


def test_a_reference_that_is_the_policy_is_nowhere_far_and_another_is() -> None:
    policy = make_small_policy(decoding="admissible")
    batch = policy.encode(list_decisions(play(policy)))
    for rows in policy.score(batch, policy.copy()).values():
        assert rows.divergence is not None and rows.divergence.abs().max() < 1e-5 if len(rows.turn) else True
    other = policy.score(batch, make_small_policy(seed=1, decoding="admissible"))
    assert all((rows.divergence >= -1e-5).all() for rows in other.values() if rows.divergence is not None)
    assert other["action"].divergence is not None and other["action"].divergence.mean() > 1e-3


def test_an_expert_is_imitated_in_its_replies_alone() -> None:
    policy = make_small_policy()
    rollouts = demonstrate(policy)
    assert all(rollout.success for rollout in rollouts)
    for each in list_decisions(rollouts):
        said = parse_reply(each.reply)
        assert not said.problems and said.switches == each.is_boundary and bool(said.subgoal) == each.is_boundary
    batch = whole(policy, make_imitation_batch(rollouts, 0.97))
    metrics = imitation_loss(policy, batch, ImitationWeights(0.0))[1]
    assert {"switch", "subgoal", "action", "format"} < set(metrics)
    rows = policy.score(policy.encode(batch.decisions))
    assert sum(len(each.turn) for each in rows.values()) == sum(len(each.ids) for each in batch.decisions)


def test_the_world_is_foreseen_and_replies_are_not() -> None:
    policy = make_small_policy()
    decisions = list_decisions(demonstrate(policy, Company(disturbance=0.5)))
    text = decisions[0].text
    own = [each for each in decisions if each.text is text]
    said = {place for each in own for place in range(each.start, each.end)}
    with torch.no_grad():
        batch = policy.encode(own)
        logs = policy.network.score(batch.hidden[0]).log_softmax(-1)
        expected = -sum(float(logs[at - 1, text.ids[at]]) for at in range(1, own[-1].end) if at not in said)
        assert policy.read_pages(batch).item() == pytest.approx(expected, rel=1e-4)


def test_foreseeing_the_world_adds_its_share_to_the_loss() -> None:
    policy = make_small_policy()
    batch = whole(policy, make_imitation_batch(demonstrate(policy), 0.97))
    plain, _ = imitation_loss(policy, batch, ImitationWeights(0.1))
    more, metrics = imitation_loss(policy, batch, ImitationWeights(0.1, 0.05))
    assert metrics["page"] > 10
    assert (more - plain).item() == pytest.approx(0.05 * metrics["page"], rel=1e-3)


def check_learned(policy: LanguagePolicy, decisions: list[LanguageDecision]) -> None:
    """Each token is scored where the text up to it is that of the turn and of what was wanted alike."""
    batch = policy.encode(decisions)
    place = 0
    for turn, each in enumerate(decisions):
        for number, token in enumerate(each.learned.ids):
            allowed = each.allowed[number] if number < len(each.allowed) else None
            if allowed is None or (len(allowed) > 1 and token in allowed):
                found = [int(values[place]) for values in (batch.turn, batch.column, batch.token)]
                assert found == [turn, each.start + number - 1, token]
                place += 1
    assert place == len(batch.token)


def test_company_acts_and_what_the_expert_wanted_is_learned() -> None:
    policy = make_small_policy(decoding="format")
    for company in (Company(disturbance=0.5), Company(policy_share=0.5), Company(policy_share=1.0)):
        rollouts = demonstrate(policy, company)
        corrected = [(each, each.lesson) for each in list_decisions(rollouts) if each.lesson is not None]
        assert corrected and (len(corrected) < len(list_decisions(rollouts))) == (company.policy_share < 1)
        for each, lesson in corrected:
            last = len(lesson.ids) - 1
            assert tuple(lesson.ids[:last]) == each.ids[:last] and last <= len(each.ids)
            assert tuple(lesson.ids) == each.ids or tuple(lesson.ids[last:]) != each.ids[last : last + 1]
        if company.disturbance:
            assert all(lesson.kinds[-1] in ("action", "format") for _, lesson in corrected)
        check_learned(policy, list_decisions(rollouts))
        for rollout in rollouts:  # the expert says SWITCH just where another subgoal than its own was open
            open_subgoal = None
            for each in rollout.decisions:
                said = parse_reply(each.reply)
                if each.lesson is None:
                    assert said.switches == (open_subgoal is None or said.subgoal not in ("", open_subgoal))
                open_subgoal = said.subgoal if each.is_boundary else open_subgoal


def test_same_seed_plays_the_same_and_as_alone() -> None:
    policy = make_small_policy()
    replies = [[each.reply for each in rollout.decisions] for rollout in play(policy)]
    assert replies == [[each.reply for each in rollout.decisions] for rollout in play(make_small_policy())]
    assert replies != [[each.reply for each in rollout.decisions] for rollout in play(policy, seed=2)]


def test_a_saved_policy_plays_as_before(tmp_path: Path) -> None:
    policy = make_small_policy(decoding="admissible", max_reply_tokens=20)
    save_policy(policy, tmp_path, {"card": {"name": "x"}})
    again, facts = open_policy(tmp_path)
    assert facts["card"] == {"name": "x"} and again.has_subgoals
    assert replace(again.config, model=policy.config.model) == policy.config
    assert [each.rewards for each in play(again)] == [each.rewards for each in play(policy)]


@pytest.mark.parametrize("has_subgoals", [True, False])
def test_a_chat_without_lists_of_actions_is_saved_as_such(tmp_path: Path, has_subgoals: bool) -> None:
    model = save_tiny(tmp_path / "model")
    texts = []
    for lists_actions in (True, False):
        options: dict[str, Any] = {"layout": "chat", "lists_actions": lists_actions, "max_reply_tokens": 20}
        save_policy(make_language_policy(has_subgoals, model=str(model), **options), tmp_path / "saved", {})
        policy, _ = open_policy(tmp_path / "saved")
        assert policy.config.lists_actions == lists_actions
        (env,) = make_alfworld(1)
        memory = policy.open_memory(*env.reset(seed=0, options={"task": 0}))
        texts.append(policy.tokenizer.decode(memory.text.ids))
    assert "You can do:" in texts[0]
    assert "You can do:" not in texts[1]


def test_a_policy_saved_before_lists_could_be_left_out_has_them(tmp_path: Path) -> None:
    save_policy(make_small_policy(), tmp_path, {})
    facts = json.loads((tmp_path / FACTS).read_text())
    del facts["policy"]["lists_actions"]
    (tmp_path / FACTS).write_text(json.dumps(facts))
    assert open_policy(tmp_path)[0].config.lists_actions
