"""Trains sb3-contrib's MaskablePPO, unchanged, on one ALFWorld task, with milestones as a denser reward.

Run it with `python examples/train_with_sb3.py`; it takes a few minutes on one core.
"""

from typing import Any

import gymnasium as gym
from gymnasium.wrappers import TimeLimit
from rich.console import Console
from sb3_contrib import MaskablePPO

import hiper_envs
from hiper_agents.adapters.sb3 import ActionChoiceEnv, ActionView, TextVecEnv
from hiper_envs.alfworld.env import ALFWorldEnv

TASK = "valid_seen/pick_and_place_simple-CellPhone-None-Drawer-203/0"
MAX_TURNS = 30
NUM_STEPS = 40_000
VIEW = ActionView(max_actions=64, text_features=64, action_features=8)
console = Console()


class OneTask(gym.Wrapper[str, str, str, str]):
    """Plays one task for ever, and pays for each milestone on the way to it."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Start the task."""
        return self.env.reset(seed=seed, options={"task": TASK})

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Take an action; each new milestone is worth as much as a quarter of the goal."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, float(reward) + 0.25 * len(info["new_milestones"]), terminated, truncated, info


def make_env() -> gym.Env[str, str]:
    """Make the environment, without a turn limit."""
    return OneTask(hiper_envs.MilestoneWrapper(ALFWorldEnv("valid_seen", games="generated")))


def success_rate(model: MaskablePPO, num_episodes: int = 20) -> float:
    """Play episodes with the policy as it is and return the share of successes."""
    env = ActionChoiceEnv(TimeLimit(make_env(), MAX_TURNS), VIEW)
    wins = 0
    for episode in range(num_episodes):
        features, info = env.reset(seed=episode)
        is_over = False
        while not is_over:
            slot, _ = model.predict(features, action_masks=env.action_masks())
            features, _, terminated, truncated, info = env.step(slot)
            is_over = terminated or truncated
        wins += info["success"]
    return wins / num_episodes


def main() -> None:
    """Train and show success before and after."""
    vector = TextVecEnv(make_env, 16, VIEW, max_episode_steps=MAX_TURNS)
    model = MaskablePPO("MlpPolicy", vector, n_steps=64, batch_size=256, learning_rate=1e-3, seed=0, device="cpu")
    console.print(f"success before training: {success_rate(model):.2f}")
    model.learn(NUM_STEPS, progress_bar=False)
    console.print(f"success after {NUM_STEPS} steps: {success_rate(model):.2f}")


if __name__ == "__main__":
    main()
