"""Models are loaded, or what is amiss is told in one sentence."""

import json
from pathlib import Path

import pytest
from transformers import BertConfig, BertModel
from transformers.utils import logging

from hiper_agents.policies.language.model import ModelError, load_language_model
from hiper_agents.policies.language.network import load_network, save_network
from tests.hiper_agents.policies.language.tiny import make_tokenizer, save_tiny


def test_a_saved_folder_is_loaded(tmp_path: Path) -> None:
    language = load_language_model(save_tiny(tmp_path), dtype="bfloat16")
    assert str(language.model.dtype) == "torch.bfloat16" and not language.model.training
    assert language.max_positions == 16_384 and len(language.end_ids) == 1


def test_neither_loading_nor_saving_shows_bars(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    network = load_network(save_tiny(tmp_path / "model")).network
    capfd.readouterr()
    save_network(tmp_path / "saved", network, make_tokenizer(), {})
    load_network(tmp_path / "saved")
    assert capfd.readouterr() == ("", "")
    assert logging.is_progress_bar_enabled()


@pytest.mark.parametrize("name", ["./nothing", "~/nothing-there", "/nothing/at/all", "a/b/c"])
def test_missing_folders(name: str) -> None:
    with pytest.raises(ModelError, match=f"there is no folder '{name}': give one"):
        load_language_model(name)


def test_a_name_that_no_hub_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="the tokenizer of 'nobody/nothing' cannot be had: "):
        load_language_model("nobody/nothing")


def test_folders_that_hold_something_else(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"holds no config\.json"):
        load_language_model(tmp_path)
    with pytest.raises(ModelError, match=r"holds no model\.gguf"):
        load_language_model(tmp_path, gguf_file="model.gguf")
    save_tiny(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"nonsense")
    with pytest.raises(ModelError, match="cannot be loaded as a causal language model: "):
        load_language_model(tmp_path)


def test_another_models_tokenizer(tmp_path: Path) -> None:
    save_tiny(tmp_path, vocab_size=100)
    with pytest.raises(ModelError, match=r"has \d+ tokens and the model 100: it is another model's"):
        load_language_model(tmp_path)


def test_no_causal_model(tmp_path: Path) -> None:
    save_tiny(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    config = BertConfig(vocab_size=400, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    BertModel(config).save_pretrained(tmp_path)
    described = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**described, "model_type": "clip_vision_model"}))
    with pytest.raises(ModelError, match=r"cannot be (loaded as a causal language model|had): "):
        load_language_model(tmp_path)


def test_wrong_options(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="did you mean 'float32'"):
        load_language_model(tmp_path, dtype="flaot32")
    with pytest.raises(ModelError, match="does not go onto the device 'cuda:99'"):
        load_language_model(save_tiny(tmp_path), device="cuda:99")
