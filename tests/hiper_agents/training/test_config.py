"""Settings: read, checked, refused."""

from pathlib import Path
from typing import Any

import pytest

from hiper_agents.training.changes import parse_settings
from hiper_agents.training.config import TrainConfig, list_configs, make_config, read_config


def test_shipped_configurations_are_complete() -> None:
    names = list_configs()
    small = {f"{world}-{kind}" for world in ("alfworld", "webshop") for kind in ("hiper", "flat")}
    large = {f"{world}-hiper-qwen2.5-{size}" for world in ("alfworld", "webshop") for size in ("1.5b", "7b")}
    assert set(names) >= small | large | {"alfworld-ppo-qwen2.5-1.5b"}
    for name in names:
        config = read_config(name)
        assert config.name == name and config.has_subgoals == ("hiper" in name)


def test_changes_replace_settings(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\nenv_id = "toy/Rooms-v0"\nlr = 1\n')
    assert read_config(path, seed=4, lambda_high=0.5).preset().hae.lambda_high == 0.5
    assert read_config(path).lr == 1
    path.write_text(path.read_text(), encoding="utf-8-sig")
    assert read_config(path).lr == 1


@pytest.mark.parametrize(
    ("text", "error", "sentence"),
    [
        ("epochs = 3", ValueError, "unknown setting in .* 'epochs'; .* did you mean 'ppo_epochs'"),
        ("updates = 2.5", TypeError, "updates in .* is 2.5; it must be of type int"),
        ("updates = true", TypeError, "updates in .* is True; it must be of type int"),
        ("has_subgoals = 1", TypeError, "has_subgoals in .* is 1; it must be of type bool"),
        ("env_options = 3", TypeError, "env_options in .* is 3; it must be of type dict"),
        ("lambda_high = 2.0", ValueError, "lambda_high is 2.0; it must be a number between 0 and 1"),
        ('truncation = "relesed"', ValueError, "did you mean 'released'"),
        ("num_envs = 0", ValueError, "num_envs is 0; it must be at least 1"),
        ("seed = = 1", ValueError, "is no valid TOML"),
        ("seed = 99999999999999999999", ValueError, "seed is 9+; it must be at most 9223372036854775807 in size"),
        ("num_threads = 4294967296", ValueError, "num_threads is 4294967296; it must be at most 1024"),
        ("num_envs = 999999999", ValueError, "num_envs is 999999999; it must be at most 65536"),
        (f"lr = 1{'0' * 400}", ValueError, "lr is 10+; it must be at most"),
        ("clip = 1e300", ValueError, r"clip is 1e\+300; it must be at most 1e\+30 in size"),
        ("reward_delay = -1", ValueError, "reward_delay is -1; it must not be negative"),
        ("reward_delay = 1000001", ValueError, "reward_delay is 1000001; it must be at most 1000000 in size"),
        ("reward_delay = 2.0", TypeError, "reward_delay in .* is 2.0; it must be of type int"),
        ("reward_noise = -0.1", ValueError, "reward_noise is -0.1; it must not be negative"),
        ("reward_noise = nan", ValueError, "reward_noise is nan; it must not be negative"),
        ("reward_noise = inf", ValueError, "reward_noise is inf; it must be finite"),
        ("reward_noise = 1e7", ValueError, r"reward_noise is 10000000.0; it must be at most 1e\+06 in size"),
        ("reward_noise = true", TypeError, "reward_noise in .* is True; it must be of type float"),
        ("keep_reward = -1e31", ValueError, r"keep_reward is -1e\+31; it must be at most 1e\+30 in size"),
        ("updates = 99999999999", ValueError, "updates is 9+; it must be at most 2147483648"),
        ('env_options = { split = "train" }', ValueError, "env_options holds a split, which train_split replaces"),
        (f'updates = "{"x" * 9999}"', TypeError, r"updates in .* is 'x{199}\.\.\.; it must be of type int"),
    ],
)
def test_wrong_settings_get_a_sentence(tmp_path: Path, text: str, error: type[Exception], sentence: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(f'name = "wrong"\nenv_id = "toy/Rooms-v0"\n{text}\n')
    with pytest.raises(error, match=sentence):
        read_config(path)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"has_subgoals": "false"}, "has_subgoals in the settings is 'false'; it must be of type bool"),
        ({"updates": "3"}, "updates in the settings is '3'; it must be of type int"),
        ({"updates": True}, "updates in the settings is True; it must be of type int"),
        ({"lr": float("inf")}, "lr is inf; it must be finite"),
        ({"name": 3}, "name in the settings is 3; it must be of type str"),
    ],
)
def test_settings_made_in_python_are_checked_too(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        TrainConfig(**{"name": "x", "env_id": "toy/Rooms-v0", **changes})


@pytest.mark.parametrize("name", ["", "a/../../x", "/tmp/x", "..", ".x", "a\\b", "a\nb", "a\0b", "x" * 101, "a "])
def test_names_stay_in_the_folder(name: str) -> None:
    with pytest.raises(ValueError, match=r"name in the settings is .*; folders and files are called by it"):
        make_config({"name": name, "env_id": "toy/Rooms-v0"})


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "odd.toml").write_bytes("name = 'café'".encode("cp1252"))
    with pytest.raises(ValueError, match=r"odd\.toml is no text in UTF-8"):
        read_config(tmp_path / "odd.toml")


def test_missing_names_and_files() -> None:
    with pytest.raises(ValueError, match="does not say env_id"):
        make_config({"name": "x"})
    with pytest.raises(FileNotFoundError, match=r"no configuration at nowhere\.toml"):
        read_config("nowhere.toml")
    with pytest.raises(ValueError, match="did you mean 'webshop-flat'"):
        read_config("webshop-flt")


def test_settings_of_the_command_line() -> None:
    assert parse_settings(["lr=1e-3", "updates=3", "eval_split=test", 'env_options={a="b"}']) == {
        "lr": 1e-3,
        "updates": 3,
        "eval_split": "test",
        "env_options": {"a": "b"},
    }
    with pytest.raises(ValueError, match="is not of the form name=value"):
        parse_settings(["lr"])


@pytest.mark.parametrize(
    ("estimator", "options", "holder"),
    [
        ("reinforce", {"baseline": "mean"}, "reinforce"),
        ("segment_traces", {"kappa": 0.2, "kappa_high": 0.9}, "segment_traces"),
        ("dr_grpo", {"by": "turn"}, "groups"),
        ("gigpo", {"weight": 0.5, "normalise_std": True, "by": "turn"}, "groups"),
        ("graphgpo", {"among": "state", "episode_weight": 1.0, "distance_discount": 0.1}, "graphs"),
        ("g2po", {"among": "both", "normalise_std": False}, "graphs"),
    ],
)
def test_options_of_an_estimator_reach_it(estimator: str, options: dict[str, Any], holder: str) -> None:
    settings = {"name": "x", "env_id": "toy/Rooms-v0", "estimator": estimator, "group_size": 2}
    preset = make_config(settings | {"estimator_options": options}).preset()
    assert preset.estimator == estimator
    assert {name: getattr(getattr(preset, holder), name) for name in options} == options
