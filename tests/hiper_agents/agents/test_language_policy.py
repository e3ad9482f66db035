"""A saved language policy plays as it was trained, by its folder or by the name of shipped weights."""

import json
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import gymnasium as gym
import pytest
import torch

import hiper_agents
from hiper_agents.agents import language_shipped
from hiper_agents.agents.language import LanguageAgent
from hiper_agents.agents.language_policy import LanguagePolicyAgent, open_language_policy
from hiper_agents.agents.language_shipped import ShippedLanguageAgent, list_language_weights
from hiper_agents.evaluation import find_agent
from hiper_agents.policies.language.memory import LanguageMemory
from hiper_agents.policies.language.model import ModelError
from hiper_agents.policies.language.network import load_network, save_network
from hiper_envs import Episode, SubgoalWrapper, parse_reply, play_episode, replay
from hiper_envs.episodes.agent_facts import read_card
from hiper_envs.prompts import PromptConfig
from tests.hiper_agents.agents.small_policy import make_small_policy, make_small_tokenizer, save_small
from tests.hiper_agents.policies.language.tiny import save_tiny


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_small(tmp_path_factory.mktemp("models") / "small")


def make_world(max_turns: int = 5) -> SubgoalWrapper:
    return SubgoalWrapper(gym.make("hiper/ALFWorld-v0", games="generated", max_episode_steps=max_turns))


def replies(episode: Episode) -> list[str]:
    assert episode.error is None, episode.error
    return [turn.reply for turn in episode.turns]


def test_a_saved_policy_plays_and_replays(folder: Path) -> None:
    agent = hiper_agents.language(folder)
    assert isinstance(agent, LanguagePolicyAgent)
    episode = play_episode(make_world(), agent, task=0, seed=5)
    assert episode.error is None and episode.num_turns == 5
    replay(episode)
    for before, after in pairwise(episode.turns):
        assert before.prompt_tokens and before.reply_tokens and after.prompt_tokens
        assert after.prompt_tokens > before.prompt_tokens + before.reply_tokens - 1
    assert {turn.finish_reason for turn in episode.turns} <= {"stop", "length"}
    assert all(turn.reply.startswith("<switch>") for turn in episode.turns)


def test_one_seed_gives_the_same_bytes(folder: Path) -> None:
    agent = hiper_agents.language(folder)
    first = replies(play_episode(make_world(), agent, task=0, seed=5))
    assert replies(play_episode(make_world(), agent, task=1, seed=5)) != first
    assert replies(play_episode(make_world(), agent, task=0, seed=6)) != first
    assert replies(play_episode(make_world(), agent, task=0, seed=5)) == first
    assert replies(play_episode(make_world(), hiper_agents.language(folder), task=0, seed=5)) == first


def test_temperature_and_decoding_can_be_others(folder: Path, tmp_path: Path) -> None:
    greedy = hiper_agents.language(folder, temperature=0)
    assert replies(play_episode(make_world(), greedy, task=0, seed=1)) == replies(
        play_episode(make_world(), greedy, task=0, seed=2)
    )
    flat = save_small(tmp_path / "flat", has_subgoals=False)
    agent = hiper_agents.language(flat, decoding="admissible", max_reply_tokens=64, temperature=1)
    episode = play_episode(make_world(), agent, task=0, seed=1)
    assert len(episode.segments) == 1 and not any(turn.problems for turn in episode.turns)
    free = hiper_agents.language(folder, decoding="free", temperature=1)
    assert not all(reply.startswith("<switch>") for reply in replies(play_episode(make_world(), free, task=0)))
    for options, sentence in [
        ({"decoding": "admisible"}, "did you mean 'admissible'"),
        ({"temperature": -1}, "temperature"),
        ({"max_reply_tokens": 0}, "max_reply_tokens must be an integer from 1"),
        ({"temprature": 1}, "did you mean 'temperature'"),
        ({"num_threads": 0}, "num_threads must be an integer from 1"),
        ({"prompt": PromptConfig()}, "leave prompt out"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            hiper_agents.language(folder, **cast(Any, options))


def test_the_card_says_what_plays(folder: Path) -> None:
    agent = hiper_agents.language(folder, decoding="admissible", temperature=0.7)
    card = read_card(agent)
    assert card == {
        "model": "small",
        "parameters": sum(weights.numel() for weights in make_small_policy().network.parameters()),
        "dtype": "float32",
        "layout": "compact",
        "decoding": "admissible",
        "has_subgoals": True,
        "temperature": 0.7,
        "max_reply_tokens": 16,
        "trained_as": "toy",
        "trained_by": "hiper train --config toy",
    }


def test_a_runs_own_model_is_called_by_the_run(folder: Path, tmp_path: Path) -> None:
    own = shutil.copytree(folder, tmp_path / "toy-seed3" / "model")
    facts = json.loads((own / "hiper.json").read_text())
    (own / "hiper.json").write_text(json.dumps({**facts, "card": None, "config": {"name": "toy", "seed": 3}}))
    card = read_card(hiper_agents.language(own))
    assert card["model"] == "toy-seed3" and card["trained_as"] == "toy" and "trained_by" not in card


def test_torch_gets_one_thread_unless_told_otherwise(folder: Path) -> None:
    torch.set_num_threads(2)
    hiper_agents.language(folder, num_threads=None)
    assert torch.get_num_threads() == 2
    hiper_agents.language(folder)
    assert torch.get_num_threads() == 1


def test_any_other_folder_is_asked_with_a_prompt(folder: Path, tmp_path: Path) -> None:
    assert isinstance(hiper_agents.language(save_tiny(tmp_path / "tiny")), LanguageAgent)
    with pytest.raises(ValueError, match="unknown option 'decodng'"):
        hiper_agents.language(tmp_path / "tiny", decodng="free")
    saved = load_network(folder)
    plain = save_network(tmp_path / "plain", saved.network, saved.tokenizer, {"name": "no policy"})
    assert isinstance(hiper_agents.language(plain), LanguageAgent)
    with pytest.raises(ModelError, match="no trained policy: play it with a prompt instead"):
        open_language_policy(plain)
    broken = shutil.copytree(folder, tmp_path / "broken")
    (broken / "hiper.json").write_text("{")
    with pytest.raises(ModelError, match=r"what was saved beside .* cannot be read"):
        hiper_agents.language(broken)
    with pytest.raises(ModelError, match="there is no folder"):
        hiper_agents.language(tmp_path / "nowhere")


def test_eval_takes_a_saved_policy(folder: Path) -> None:
    assert isinstance(find_agent(str(folder))(), LanguagePolicyAgent)


def play_long(max_positions: int, has_subgoals: bool = True, turns: int = 14) -> tuple[Episode, LanguageMemory]:
    policy = make_small_policy(has_subgoals, max_positions, decoding="format")
    agent = LanguagePolicyAgent(policy, "long", temperature=1)
    episode = play_episode(make_world(turns), agent, task=0, seed=1)
    memory = agent._agent._memory
    assert isinstance(memory, LanguageMemory)
    return episode, memory


@pytest.mark.parametrize("has_subgoals", [True, False])
def test_a_text_that_outgrows_the_model_begins_anew_shorter(has_subgoals: bool) -> None:
    episode, memory = play_long(300, has_subgoals)
    assert episode.error is None and episode.num_turns == 14
    lengths = [turn.prompt_tokens or 0 for turn in episode.turns]
    assert max(lengths) <= 300 - 16 and any(after < before for before, after in pairwise(lengths))
    assert not any(turn.finish_reason == "length" and turn.reply_tokens != 16 for turn in episode.turns)
    text = make_small_tokenizer().decode(memory.text.ids, skip_special_tokens=False)
    first, *later = text.split("<|reply|>")
    assert "Looking quickly around you" in first  # where one can go is told nowhere else
    assert later[-1] == memory._reply and episode.turns[-2].reply in later[-2]
    if has_subgoals:  # the first reply that is shown names what was open
        said = parse_reply(later[0])
        opened = [turn for turn in episode.turns if turn.is_boundary]
        assert said.switches and said.subgoal in {parse_reply(turn.reply).subgoal for turn in opened}
    assert replies(play_long(300, has_subgoals)[0]) == replies(episode)


def test_a_page_that_leaves_no_room_is_one_sentence() -> None:
    policy = make_small_policy(max_positions=20)
    episode = play_episode(make_world(), LanguagePolicyAgent(policy, "short"), task=0)
    assert episode.error is not None and episode.error.startswith("ModelError: a text of ")
    assert "\n" not in episode.error and episode.error_kind == "agent"


@pytest.fixture
def shipped(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(folder, tmp_path / "language-small-alfworld-hiper")
    monkeypatch.setattr(language_shipped, "WEIGHTS", tmp_path)
    return tmp_path


def test_shipped_language_weights_by_name(shipped: Path) -> None:
    assert list_language_weights() == ["language-small-alfworld-hiper"]
    agent = find_agent("language-small-hiper")()
    assert isinstance(agent, ShippedLanguageAgent)
    card = read_card(agent)
    assert card["model"] == "language-small-hiper" and card["alfworld_trained_by"] == "hiper train --config toy"
    first = play_episode(make_world(), agent, task=0, seed=3)
    assert first.error is None and first.turns[0].reply_tokens
    alone = hiper_agents.language(shipped / "language-small-alfworld-hiper")
    assert replies(play_episode(make_world(), alone, task=0, seed=3)) == replies(first)
    assert replies(play_episode(make_world(), agent, task=0, seed=3)) == replies(first)


def test_weights_that_are_not_shipped_are_told(shipped: Path) -> None:
    with pytest.raises(ModelError, match="ships no weights of language-small-flat; shipped: language-small-alfworld-h"):
        hiper_agents.language_small_flat()
    with pytest.raises(ModelError, match="ships no weights of language-small-hiper for webshop"):
        ShippedLanguageAgent("hiper", "webshop")
    shop = SubgoalWrapper(gym.make("hiper/WebShop-v0", split="test_disjoint"))
    episode = play_episode(shop, hiper_agents.language_small_hiper(), task=0)
    assert (
        episode.error is not None and "has weights for alfworld, but this observation is from webshop" in episode.error
    )


@pytest.mark.parametrize("name", ["language-small-hiper", "language-small-flat"])
def test_the_shipped_language_weights_play(name: str) -> None:
    kind = name.rpartition("-")[2]
    if not any(each.endswith(f"-{kind}") for each in list_language_weights()):
        pytest.skip(f"this package ships no weights of {name}")
    agent = find_agent(name)()
    assert json.dumps(read_card(agent))
    episode = play_episode(make_world(), agent, task=0, seed=0)
    assert episode.error is None and episode.num_turns
