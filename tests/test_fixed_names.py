"""Names that code outside this repository calls: they stay where they are, and importing them warns of nothing."""

import inspect
import subprocess
import sys

import gymnasium as gym
import pytest

NAMES = {
    "hiper_envs": (
        "Agent DelayedRewardWrapper Episode EpisodeWriter MilestoneWrapper NoisyRewardWrapper Reply Segment"
        " SubgoalWrapper Turn UnicodeText measure_agreement parse_reply play_episode read_episodes replay write_reply"
    ),
    "webshop_server": "Catalogue Goal Product RawProduct Reward score_purchase",
    "hiper_agents": "expert flat hiper random rule",
    "hiper_agents.advantages": (
        "HAEConfig Turns estimate_beacon estimate_gae estimate_gigpo estimate_grpo estimate_hae estimate_rloo"
        " estimate_segment_traces"
    ),
}
PARAMETERS = {
    "hiper_envs.alfworld.env:ALFWorldEnv": "split games engine goals",
    "hiper_envs.webshop.env:WebShopEnv": "split data goals observation price_seed browser",
    "hiper_envs.webshop.basket_env:WebShopBasketEnv": "num_products split data goals observation price_seed browser",
    "hiper_agents.advantages:Turns": (
        "episode turn switch terminated reward value_low value_high value_switch final_value"
    ),
    "hiper_agents.advantages:HAEConfig": "discount lambda_low lambda_high truncation",
    "hiper_agents.advantages:estimate_segment_traces": "turns discount trace kappa kappa_high truncation",
    "hiper_agents.advantages:estimate_grpo": "turns group normalise_std by",
    "hiper_agents.advantages:estimate_rloo": "turns group by",
    "hiper_agents.advantages:estimate_gigpo": "turns group state discount weight normalise_std by",
    "hiper_agents.advantages:estimate_beacon": (
        "turns group milestone discount weight normalise_std by milestone_reward"
    ),
    "webshop_server:score_purchase": "product options goal price",
}
COMMANDS = (
    *(f"hiper {command}" for command in ("train", "play", "eval")),
    *(f"webshop-server {command}" for command in ("build", "serve", "generate")),
    *(f"leaderboard {command}" for command in ("run", "score", "verify", "report")),
)
MODULES = {"hiper": "hiper_agents", "webshop-server": "webshop_server", "leaderboard": "leaderboard"}


@pytest.mark.parametrize("module", NAMES)
def test_names_are_imported_without_a_warning(module: str) -> None:
    code = "".join(f"from {module} import {name}\n" for name in NAMES[module].split())
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("target", PARAMETERS)
def test_parameters_keep_their_names(target: str) -> None:
    module, _, name = target.partition(":")
    callable_ = getattr(__import__(module, fromlist=[name]), name)
    assert set(PARAMETERS[target].split()) <= set(inspect.signature(callable_).parameters)


def test_worlds_keep_their_ids_and_methods() -> None:
    for env_id in ("hiper/ALFWorld-v0", "hiper/WebShop-v0", "hiper/WebShopBasket-v0"):
        assert env_id in gym.registry and gym.spec(env_id).vector_entry_point
    env = gym.make("hiper/ALFWorld-v0", games="generated").unwrapped
    assert {"tasks", "get_state", "set_state"} <= set(dir(env))


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_there_both_ways(command: str) -> None:
    program, subcommand = command.split()
    done = subprocess.run(
        [sys.executable, "-m", MODULES[program], subcommand, "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0 and subcommand in done.stdout, done.stderr
