"""Episodes to imitate: an expert's own, or those of several players in which the expert says what it would do."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from hiper_agents.policies.policy import Decision, Policy
from hiper_agents.training.company import Company
from hiper_agents.training.disturbance import Disturber
from hiper_agents.training.rollout import Rollout, Seat, TextEnv
from hiper_envs.episodes.agents import Agent
from hiper_envs.reply import Reply, parse_reply


class _Table:
    """One seat with the expert who watches it."""

    def __init__(self, seat: Seat, expert: Agent) -> None:
        self.seat, self.expert = seat, expert

    def start(self, number: int, task: int, seed: int, company: Company) -> None:
        self.number = number
        self.seat.start(task, seed)
        self.expert.reset(seed)
        self.rng = np.random.default_rng(seed)
        self.disturber = Disturber(company.disturbance, self.rng)

    def advise(self, company: Company) -> "_Advice":
        """Return what the expert wants, and what is done instead.

        The expert is asked at every turn, for it has to see all of them.
        """
        seat = self.seat
        wanted = parse_reply(self.expert.act(seat.observation, seat.info))
        if self.rng.random() < company.policy_share:
            return _Advice(wanted, None)
        other = self.disturber.draw(wanted.action, seat.info["admissible_actions"])
        return _Advice(wanted, wanted if other is None else Reply(other, wanted.subgoal, wanted.switches))


class _Advice(NamedTuple):
    """What the expert wants, and what is done; None where the policy is to act."""

    wanted: Reply
    done: Reply | None


def record_expert(
    envs: Sequence[TextEnv],
    policy: Policy,
    make_expert: Callable[[], Agent],
    tasks: Sequence[int],
    rng: np.random.Generator,
    *,
    company: Company | None = None,
    numbers: Sequence[int] | None = None,
    on_episode: Callable[[Rollout], None] = lambda rollout: None,
) -> list[Rollout]:
    """Play an expert; return its episodes as decisions that a policy could have made, see `Policy.imitate`.

    Args:
        envs: Environments of the same kind; each plays one episode after the other.
        policy: The policy that is to imitate.
        make_expert: Makes the expert, one for each environment.
        tasks: Positions of the tasks.
        rng: Draws the seeds, and the policy's decisions.
        company: Who else acts; by default nobody.
        numbers: Which of the tasks are played, by their place in `tasks`; None for all.
        on_episode: Called after each episode, for progress.

    Returns:
        The episodes in the order of `tasks`.
    """
    company = company or Company()
    seeds = [int(rng.integers(0, 2**31)) for _ in tasks]
    played = list(range(len(tasks)) if numbers is None else numbers)
    if numbers is not None:
        rng = np.random.default_rng([seeds[number] for number in played])
    waiting = iter(played)
    free = [_Table(Seat(env, policy), make_expert()) for env in envs[: len(played)]]
    taken: list[_Table] = []
    finished: dict[int, Rollout] = {}
    while len(finished) < len(played):
        while free and (number := next(waiting, None)) is not None:
            table = free.pop()
            table.start(number, tasks[number], seeds[number], company)
            taken.append(table)
        playing, taken = taken, []
        for table, decision in zip(playing, _decide(policy, playing, company, rng), strict=True):
            is_over = table.seat.take(decision)
            (free if is_over else taken).append(table)
            if is_over:
                finished[table.number] = table.seat.leave()
                on_episode(table.seat.rollout)
    return [finished[number] for number in played]


def _decide(policy: Policy, tables: Sequence[_Table], company: Company, rng: np.random.Generator) -> list[Decision]:
    advice = [table.advise(company) for table in tables]
    memories: list[Any] = [table.seat.memory for table in tables]
    own = [place for place, each in enumerate(advice) if each.done is None]
    draws_apart = bool(getattr(policy, "draws_apart", False))
    chance = [tables[place].rng for place in own] if draws_apart else rng
    drawn = policy.decide([memories[place] for place in own], chance, company.temperature) if own else ()
    decisions: dict[int, Decision] = dict(zip(own, drawn, strict=True))
    for place, (memory, (_, done)) in enumerate(zip(memories, advice, strict=True)):
        if done is not None:
            decisions[place] = policy.imitate(memory, done)
    return [
        decisions[place] if done is wanted else policy.correct(memories[place], decisions[place], wanted)
        for place, (wanted, done) in enumerate(advice)
    ]


def keep_good(rollouts: Sequence[Rollout], min_score: float) -> list[Rollout]:
    """Return the episodes that are good enough to imitate.

    Raises:
        ValueError: None is.
    """
    kept = [rollout for rollout in rollouts if rollout.score >= min_score - 1e-9]
    if not kept:
        raise ValueError(f"none of {len(rollouts)} expert episodes scored {min_score}; lower min_expert_score")
    return kept
