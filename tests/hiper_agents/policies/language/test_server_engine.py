"""Replies drawn from a server: the same tokens and probabilities as on this machine, and a sentence for every fault."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hiper_agents.policies.language import server_connection
from hiper_agents.policies.language.config import LanguageConfig
from hiper_agents.policies.language.engine import Drawn, LocalEngine, Text
from hiper_agents.policies.language.make import make_language_policy
from hiper_agents.policies.language.model import LanguageModel, ModelError, load_language_model
from hiper_agents.policies.language.network import LanguageNetwork
from hiper_agents.policies.language.policy import LanguagePolicy
from hiper_agents.policies.language.server import SGLangServer, VLLMServer, open_server
from hiper_agents.policies.language.server_connection import Connection, ServerError
from hiper_agents.policies.language.server_engine import ServerEngine
from hiper_agents.training.rollout import play_tasks
from hiper_envs.episodes.failures import kind_of_failure
from tests.hiper_agents.policies.language.model_server import ModelServer, serve
from tests.hiper_agents.policies.language.small import make_alfworld
from tests.hiper_agents.policies.language.tiny import save_tiny

KINDS = ["vllm", "sglang"]
WORDS = ["You see a desk 1.", "<action>", "You are in the middle of a room", "put a mug in desk <switch>KEEP"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("models") / "tiny", max_position_embeddings=2048)


@pytest.fixture
def tiny(folder: Path) -> LanguageModel:
    return load_language_model(folder)


@pytest.fixture
def server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    monkeypatch.setattr(server_connection, "FIRST_PAUSE_SECONDS", 0.01)
    with serve(load_language_model(folder)) as started:
        yield started


def make_network(tiny: LanguageModel) -> LanguageNetwork:
    network = LanguageNetwork(tiny.model)
    torch.manual_seed(1)
    torch.nn.init.normal_(network.heads.weight)
    return network


def make_engine(tiny: LanguageModel, server: ModelServer, kind: str = "vllm", **options: Any) -> ServerEngine:
    return ServerEngine(make_network(tiny), tiny.tokenizer, open_server(kind, server.address), **options)


def make_texts(tiny: LanguageModel, words: list[str] = WORDS) -> list[Text]:
    return [Text(tiny.tokenizer.encode(each)) for each in words]


def draw(engine: Any, texts: list[Text], seed: int | None = 0, temperature: float = 1.0, most: int = 12) -> list[Drawn]:
    rng = None if seed is None else np.random.default_rng(seed)
    drawn: list[Drawn] = engine.draw(texts, [[]] * len(texts), rng=rng, temperature=temperature, max_tokens=most)
    return drawn


@pytest.mark.parametrize("kind", KINDS)
def test_log_probabilities_equal_a_fresh_look(kind: str, tiny: LanguageModel, server: ModelServer) -> None:
    texts = make_texts(tiny)
    before = [list(text.ids) for text in texts]
    for text, start, each in zip(texts, before, draw(make_engine(tiny, server, kind), texts), strict=True):
        assert text.ids == [*start, *each.ids] and each.finish_reason in ("stop", "length")
        scores = tiny.model(input_ids=torch.tensor([text.ids])).logits[0].log_softmax(-1)
        fresh = [float(scores[len(start) + place - 1, token].detach()) for place, token in enumerate(each.ids)]
        assert each.log_probabilities == pytest.approx(fresh, abs=1e-4)
        assert each.allowed == (None,) * len(each.ids)
        assert np.isnan(each.value_low) and np.isnan(each.value_before).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_likeliest_reply_is_that_of_this_machine(kind: str, tiny: LanguageModel, server: ModelServer) -> None:
    here, there = make_texts(tiny), make_texts(tiny)
    local = draw(LocalEngine(make_network(tiny), tiny.tokenizer), here, seed=None, most=30)
    served = draw(make_engine(tiny, server, kind), there, seed=None, most=30)
    assert [each.ids for each in served] == [each.ids for each in local]
    assert [(each.finish_reason, each.low_at) for each in served] == [
        (each.finish_reason, each.low_at) for each in local
    ]


def test_a_seed_repeats_whatever_is_drawn_at_a_time(tiny: LanguageModel, server: ModelServer) -> None:
    first = [each.ids for each in draw(make_engine(tiny, server), make_texts(tiny))]
    assert [each.ids for each in draw(make_engine(tiny, server, max_requests=1), make_texts(tiny))] == first
    assert [each.ids for each in draw(make_engine(tiny, server), make_texts(tiny), seed=1)] != first
    seeds = [body["seed"] for _, body in server.requests]
    assert len(set(seeds[:4])) == 4 and all(0 <= seed < 2**31 for seed in seeds)


def script(tiny: LanguageModel, server: ModelServer, monkeypatch: pytest.MonkeyPatch, *pieces: str) -> list[int]:
    """Let the server draw these pieces, one at a request; return all their tokens."""
    waiting = [tiny.tokenizer.encode(piece) for piece in pieces]

    def say(ids: list[int], max_tokens: int, *rest: Any) -> tuple[list[int], list[float], str]:
        tokens = waiting.pop(0)
        return tokens[:max_tokens], [-1.0] * len(tokens[:max_tokens]), "stop" if len(tokens) <= max_tokens else "length"

    monkeypatch.setattr(server, "draw", say)
    return [token for piece in waiting for token in piece]


@pytest.mark.parametrize(
    ("pieces", "kept", "reason"),
    [
        (["<action>look</action>"], "<action>look</action>", "stop"),
        (["<think><action>look</action>", "</think><action>go</action>"], None, "stop"),  # an action in a thought
        (["go</action>", "<action>go</action>"], None, "stop"),  # closes nothing
        (["<ACTION>look</ACTION> and on"], "<ACTION>look</ACTION>", "stop"),
        (["<action>look</action><|end|>"], "<action>look</action>", "stop"),
        (["I do not know.<|end|>"], "I do not know.", "stop"),
        (["I do not know."], "I do not know.", "stop"),  # ended, and the token that did is not told
        ([""], "", "stop"),
        (["x" * 300], "x" * 64, "length"),
    ],
)
def test_a_reply_ends_where_it_would_here(
    pieces: list[str],
    kept: str | None,
    reason: str,
    tiny: LanguageModel,
    server: ModelServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script(tiny, server, monkeypatch, *pieces)
    (each,) = draw(make_engine(tiny, server), make_texts(tiny, ["You see"]), most=64)
    assert tiny.tokenizer.decode(each.ids) == ("".join(pieces) if kept is None else kept)
    assert each.finish_reason == reason and len(server.requests) == len(pieces)
    assert len(each.log_probabilities) == len(each.ids)


def test_only_the_temperature_of_1_has_log_probabilities_of_sglang(tiny: LanguageModel, server: ModelServer) -> None:
    (each,) = draw(make_engine(tiny, server, "sglang"), make_texts(tiny, ["You"]), temperature=0.5)
    assert np.isnan(each.log_probabilities).all() and server.requests[0][1]["sampling_params"]["temperature"] == 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_changed_weights_are_handed_over(kind: str, tiny: LanguageModel, server: ModelServer, tmp_path: Path) -> None:
    engine = make_engine(tiny, server, kind, folder=tmp_path / "weights")
    draw(engine, make_texts(tiny), seed=None)
    first = [path for path, _ in server.requests]
    with torch.no_grad():
        for weights in engine.network.model.parameters():
            weights.add_(torch.randn(weights.shape, generator=torch.Generator().manual_seed(3)), alpha=0.3)
    here, there = make_texts(tiny), make_texts(tiny)
    served = draw(engine, there, seed=None)
    local = draw(LocalEngine(engine.network, tiny.tokenizer), here, seed=None)
    assert [each.ids for each in served] == [each.ids for each in local]
    num_asked = len(server.requests)
    draw(engine, make_texts(tiny), seed=None)
    assert not [path for path, _ in server.requests[num_asked:] if path not in ("/v1/completions", "/generate")]
    told = [path for path, _ in server.requests if path not in ("/v1/completions", "/generate")]
    way = ["/update_weights_from_disk"] if kind == "sglang" else ["/collective_rpc", "/reset_prefix_cache"]
    assert told == way * 2 and first[: len(way)] == way  # before the first draw, and after the change


@pytest.mark.parametrize("kind", KINDS)
def test_weights_that_cannot_be_handed_over_are_told(
    kind: str, tiny: LanguageModel, server: ModelServer, tmp_path: Path
) -> None:
    network = make_network(tiny)
    server.is_open = False
    engine = ServerEngine(network, tiny.tokenizer, open_server(kind, server.address), folder=tmp_path / "weights")
    with pytest.raises(ServerError, match="has no means to take new weights"):
        engine.push(network)
    server.faults = [(200, b'{"success": false, "message": "no room"}')] * (kind == "sglang") or [(400, b"no room")]
    with pytest.raises(ServerError, match="no room"):
        engine.push(network)
    engine = ServerEngine(network, tiny.tokenizer, open_server(kind, server.address))
    with torch.no_grad():
        network.heads.weight.add_(1)
    texts = make_texts(tiny)
    with pytest.raises(ServerError, match="the weights have changed, and there is no folder"):
        draw(engine, texts)
    assert [text.ids for text in texts] == [text.ids for text in make_texts(tiny)]


FAULTS = [
    ([(500, b"")] * 3, {}, "answered 500"),
    ([(400, b'{"message": "the prompt is too long"}')], {}, "answered 400: .*the prompt is too long"),
    ([(200, b"<html>busy</html>")], {}, "answered with what is no JSON: '<html>busy</html>'"),
    ([(200, b"[" * 100_000)], {}, "answered with what is no JSON"),
    ([(200, b'{"detail": "x"}')], {}, "answered without a completion"),
    ([(200, b'{"choices": []}')], {}, "answered without a completion"),
    ([(200, b"")], {}, "answered without a completion"),
    ([], {"token_ids": None}, "told no token ids: it has to know return_token_ids"),
    ([], {"token_ids": "1, 2"}, "told token ids that are none"),
    ([], {"token_ids": [1, True]}, "told token ids that are none"),
    ([], {"token_ids": [1, 99_999], "logprobs": {"token_logprobs": [-1, -1]}}, "the token 99999, and the model here"),
    ([], {"token_ids": [-1], "logprobs": {"token_logprobs": [-1]}}, "the token -1, and the model here knows"),
    ([], {"logprobs": None}, "told no log-probability for each"),
    ([], {"logprobs": {"token_logprobs": [-1.0]}}, "told no log-probability for each"),
    ([], {"token_ids": [5], "logprobs": {"token_logprobs": [float("nan")]}}, "told no log-probability for each"),
    ([], {"token_ids": [5], "logprobs": {"token_logprobs": [None]}}, "told no log-probability for each"),
    ([], {"finish_reason": "abort"}, "broke off its reply for the reason"),
]


@pytest.mark.parametrize(("faults", "changes", "sentence"), FAULTS)
def test_faults_are_a_sentence_and_change_nothing(
    faults: list[Any], changes: dict[str, Any], sentence: str, tiny: LanguageModel, server: ModelServer
) -> None:
    engine = make_engine(tiny, server, max_requests=1)
    server.faults, server.changes = list(faults), changes
    texts = make_texts(tiny)
    with pytest.raises(ServerError, match=sentence) as told:
        draw(engine, texts)
    assert "\n" not in str(told.value) and len(str(told.value)) < 400 and kind_of_failure(told.value) == "around"
    assert [text.ids for text in texts] == [text.ids for text in make_texts(tiny)]
    server.faults, server.changes = [], {}
    assert len(draw(engine, texts)) == len(texts)


def test_one_fault_among_many_requests_changes_no_text(tiny: LanguageModel, server: ModelServer) -> None:
    engine = make_engine(tiny, server)
    server.faults = [(400, b"no")]
    texts = make_texts(tiny)
    with pytest.raises(ServerError, match="answered 400"):
        draw(engine, texts)
    assert [text.ids for text in texts] == [text.ids for text in make_texts(tiny)]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"output_token_logprobs": None}, "told no token ids and log-probabilities"),
        ({"output_token_logprobs": [[-1.0]]}, "told no token ids and log-probabilities"),
        ({"output_token_logprobs": [[None, 5, None]]}, "told no log-probability"),
        ({"finish_reason": {"type": "abort", "message": "busy"}}, "broke off its reply for the reason"),
        ({"finish_reason": None}, "broke off its reply for the reason"),
    ],
)
def test_faults_of_sglang(changes: dict[str, Any], sentence: str, tiny: LanguageModel, server: ModelServer) -> None:
    server.changes = changes
    with pytest.raises(ServerError, match=sentence):
        draw(make_engine(tiny, server, "sglang"), make_texts(tiny))


def test_passing_faults_are_tried_again(tiny: LanguageModel, server: ModelServer) -> None:
    engine = make_engine(tiny, server, max_requests=1)
    server.faults = [(503, b"busy"), (429, b"busy")]
    assert len(draw(engine, make_texts(tiny))) == 4


def test_answers_that_do_not_come_are_given_up(tiny: LanguageModel, server: ModelServer) -> None:
    slow = open_server("vllm", server.address, timeout=0.2, max_retries=1)
    server.faults = [(200, None)] * 2
    with pytest.raises(ServerError, match=r"/v1/completions gave no whole answer within 0\.2 seconds"):
        slow.draw([1, 2], max_tokens=3, temperature=1.0, seed=0)
    with pytest.raises(ServerError, match=r"cannot be asked: .*refused"):
        open_server("vllm", "http://127.0.0.1:1", max_retries=0)


def test_which_model_is_served(server: ModelServer) -> None:
    assert VLLMServer(f"{server.address}/v1/").model == "tiny"
    server.served = ["one", "two"]
    with pytest.raises(ServerError, match="serves one, two: name the one to draw from"):
        VLLMServer(server.address)
    assert VLLMServer(server.address, "two").model == "two"
    assert SGLangServer(server.address).address == server.address
    for address in ("localhost:8000", "ftp://a", "http://", "http://me:key@a"):
        with pytest.raises(ValueError, match="a server's address is http"):
            Connection(address)
    with pytest.raises(ValueError, match="did you mean 'sglang'"):
        open_server("sglan", server.address)


def test_what_a_server_cannot_do_is_refused(tiny: LanguageModel, server: ModelServer) -> None:
    with pytest.raises(ValueError, match="take decoding='free' instead of 'format'"):
        make_engine(tiny, server, decoding="format")
    marked = LanguageNetwork(copy.deepcopy(tiny.model), has_marks=True)
    with pytest.raises(ValueError, match="this model has marks"):
        ServerEngine(marked, tiny.tokenizer, open_server("vllm", server.address))
    engine = make_engine(tiny, server)
    with pytest.raises(ModelError, match="leaves no room for a reply within the 2048"):
        draw(engine, [Text([1] * 2048)])
    with pytest.raises(ValueError, match="from no empty one"):
        draw(engine, [Text([])])
    (each,) = draw(engine, [Text([1] * 2046)])
    assert len(each.ids) <= 2


def make_policies(folder: Path, server: ModelServer, kind: str) -> tuple[LanguagePolicy, LanguagePolicy]:
    """Return two policies with the same weights, one drawing there and one here."""
    options: dict[str, Any] = {"model": str(folder), "layout": "chat", "decoding": "free", "max_reply_tokens": 8}
    served = make_language_policy(True, server=server.address, server_kind=kind, **options)
    torch.nn.init.normal_(served.network.heads.weight)
    assert isinstance(served.engine, ServerEngine)
    served.engine._sample = served.network.sample_weights()
    return served, LanguagePolicy(served.network, served.tokenizer, LanguageConfig(**options), True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_policy_plays_and_learns_by_a_server(kind: str, folder: Path, server: ModelServer) -> None:
    served, local = make_policies(folder, server, kind)
    rollouts = play_tasks(make_alfworld(2, max_turns=3), served, [0, 1], np.random.default_rng(0))
    decisions: list[Any] = [decision for rollout in rollouts for decision in rollout.decisions]
    assert len(decisions) == 6
    batch = served.encode(decisions)
    for rows in served.score(batch).values():
        torch.testing.assert_close(rows.log_new, rows.log_old, atol=1e-4, rtol=0)
    values = served.values(batch)
    for name, told in (("action", "value_low"), ("switch", "value_switch"), ("subgoal", "value_high")):
        expected = torch.tensor([getattr(each, told) for each in decisions])
        torch.testing.assert_close(values[name], expected, atol=1e-4, rtol=0)
        assert float(expected.abs().max()) > 0
    played = play_tasks(make_alfworld(2, max_turns=3), local, [0, 1], np.random.default_rng(0), temperature=0)
    likeliest = play_tasks(make_alfworld(2, max_turns=3), served, [0, 1], np.random.default_rng(0), temperature=0)
    assert [[each.reply for each in rollout.decisions] for rollout in likeliest] == [
        [each.reply for each in rollout.decisions] for rollout in played
    ]


def test_a_server_in_the_settings(folder: Path, server: ModelServer) -> None:
    with pytest.raises(ValueError, match="did you mean 'sglang'"):
        make_language_policy(True, model=str(folder), server=server.address, server_kind="sglan")
    with pytest.raises(ValueError, match="take decoding='free' instead of 'format'"):
        make_language_policy(True, model=str(folder), layout="chat", server=server.address)
