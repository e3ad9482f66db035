"""Episodes to imitate: an expert's own, or those of several players in which the expert says what it would do."""

from collections.abc import Callable, Sequence

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

    def advise(self, company: Company) -> tuple[Reply, bool] | None:
        """Return what is said and whether it is the expert's; None where the policy is to act.

        The expert is asked at every turn, for it has to see all of them.
        """
        seat = self.seat
        wanted = parse_reply(self.expert.act(seat.observation, seat.info))
        if self.rng.random() < company.policy_share:
            return None
        other = self.disturber.draw(wanted.action, seat.info["admissible_actions"])
        if other is None:
            return wanted, True
        return Reply(other, wanted.subgoal, wanted.switches), False


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
    own = [place for place, said in enumerate(advice) if said is None]
    draws_apart = bool(getattr(policy, "draws_apart", False))
    chance = [tables[place].rng for place in own] if draws_apart else rng
    drawn = policy.decide([tables[place].seat.memory for place in own], chance, company.temperature) if own else ()
    decisions: dict[int, Decision] = {place: policy.set_aside(each) for place, each in zip(own, drawn, strict=True)}
    for place, said in enumerate(advice):
        if said is not None:
            decision = policy.imitate(tables[place].seat.memory, said[0])
            decisions[place] = decision if said[1] else policy.set_aside(decision)
    return [decisions[place] for place in range(len(tables))]


def keep_good(rollouts: Sequence[Rollout], min_score: float) -> list[Rollout]:
    """Return the episodes that are good enough to imitate.

    Raises:
        ValueError: None is.
    """
    kept = [rollout for rollout in rollouts if rollout.score >= min_score - 1e-9]
    if not kept:
        raise ValueError(f"none of {len(rollouts)} expert episodes scored {min_score}; lower min_expert_score")
    return kept
