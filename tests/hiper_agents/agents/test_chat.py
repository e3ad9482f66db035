"""The chat agent against a fake endpoint on this machine."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from gymnasium.wrappers import TimeLimit

from hiper_agents.agents import chat
from hiper_agents.agents.chat import ChatAgent
from hiper_agents.agents.chat_answer import ChatError, ReplyTokens
from hiper_envs import SubgoalWrapper, play_episode, replay, write_reply
from hiper_envs.episodes.record import Usage
from hiper_envs.prompts import PromptConfig
from leaderboard.play.runner import run_panel
from leaderboard.scoring.verification import verify_run

openai = pytest.importorskip("openai", reason="needs the extra chat")


class FakeEndpoint(ThreadingHTTPServer):
    """Answers chat requests from a list of (status, reply); the last one goes on for ever.

    A reply may be a dict, which changes fields of the answer, or bytes, which are its body.
    """

    def __init__(self, answers: list[tuple[int, Any]]) -> None:
        self.answers = answers
        self.requests: list[dict[str, Any]] = []
        self.served: list[str] = []
        super().__init__(("127.0.0.1", 0), FakeHandler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Answer in a thread of its own."""
        thread = threading.Thread(target=self.serve_forever, daemon=True)
        thread.start()
        yield
        self.shutdown()
        self.server_close()
        thread.join()


class FakeHandler(BaseHTTPRequestHandler):
    server: FakeEndpoint

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append(json.loads(body))
        answers = self.server.answers
        status, reply = answers.pop(0) if len(answers) > 1 else answers[0]
        is_page = isinstance(reply, bytes) and reply.startswith(b"<")
        payload = reply if isinstance(reply, bytes) else json.dumps(self.make_answer(status, reply)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if is_page else "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.send_header("retry-after-ms", "1")
        self.end_headers()
        self.wfile.write(payload)

    def make_answer(self, status: int, reply: Any) -> dict[str, Any]:
        if status != 200:
            return {"error": {"message": "no"}}
        changed = reply if isinstance(reply, dict) else {}
        message = {"role": "assistant", "content": reply}
        return {
            "id": "1",
            "object": "chat.completion",
            "created": 0,
            "model": "fake",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
            **changed,
        }

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[FakeEndpoint]:
    server = FakeEndpoint([(200, write_reply("forward", "walk", True))])
    with server.serving():
        yield server


def make_agent(endpoint: FakeEndpoint, **options: Any) -> ChatAgent:
    return ChatAgent("fake", endpoint.url, "none", prompt_price=2.0, reply_price=10.0, **options)


def test_plays_an_episode_and_counts(endpoint: FakeEndpoint, corridor: Any) -> None:
    agent = make_agent(endpoint)
    episode = play_episode(SubgoalWrapper(TimeLimit(corridor(), 9)), agent, task=1, seed=3)
    assert episode.success and episode.num_turns == 3
    assert [(turn.prompt_tokens, turn.reply_tokens) for turn in episode.turns] == [(100, 10)] * 3
    assert (agent.num_requests, agent.prompt_tokens, agent.reply_tokens) == (3, 300, 30)
    assert agent.cost == pytest.approx((300 * 2 + 30 * 10) / 1e6)
    assert [request["seed"] for request in endpoint.requests] == [3, 3, 3]
    assert "You stand at 0 of 3." in endpoint.requests[2]["messages"][1]["content"]
    assert [turn.finish_reason for turn in episode.turns] == ["stop"] * 3
    assert agent.usage == Usage(100, 10, (100 * 2 + 10 * 10) / 1e6, "stop")


def test_passing_faults_are_tried_again(endpoint: FakeEndpoint, corridor: Any) -> None:
    endpoint.answers[:0] = [(500, ""), (429, "")]
    episode = play_episode(SubgoalWrapper(corridor()), make_agent(endpoint), task=0)
    assert episode.success and len(endpoint.requests) == 4


def test_lasting_fault_is_a_recorded_failure(endpoint: FakeEndpoint, corridor: Any) -> None:
    endpoint.answers[:] = [(500, "")]
    episode = play_episode(SubgoalWrapper(corridor()), make_agent(endpoint, max_retries=1), task=0)
    assert episode.error and episode.error.startswith("InternalServerError")
    assert len(endpoint.requests) == 2


def answer_in_drops(endpoint: FakeEndpoint, monkeypatch: pytest.MonkeyPatch, payload: bytes, pause: float) -> None:
    """Let the endpoint write its first answer byte by byte and end before its announced length."""
    whole, drops = FakeHandler.do_POST, [payload]

    def do_POST(handler: FakeHandler) -> None:
        if not drops:
            return whole(handler)
        body = drops.pop()
        handler.rfile.read(int(handler.headers["Content-Length"]))
        handler.send_response(200)
        handler.send_header("Content-Length", "5000")
        handler.end_headers()
        with suppress(OSError):
            for byte in body:
                handler.wfile.write(bytes([byte]))
                handler.wfile.flush()
                time.sleep(pause)

    monkeypatch.setattr(FakeHandler, "do_POST", do_POST)


@pytest.mark.parametrize(
    ("payload", "pause", "sentence"),
    [(b" " * 60, 0.05, "did not end its answer within 0.5 seconds"), (b'{"cho', 0.0, "broke off its answer")],
)
def test_answers_that_do_not_end_are_given_up(
    endpoint: FakeEndpoint, monkeypatch: pytest.MonkeyPatch, payload: bytes, pause: float, sentence: str
) -> None:
    """A proxy that keeps a connection alive with blanks, and one that breaks off; tried again as any other fault."""
    agent = make_agent(endpoint, timeout=0.5, max_retries=0)
    answer_in_drops(endpoint, monkeypatch, payload, pause)
    started = time.monotonic()
    with pytest.raises(ChatError, match=sentence):
        agent.act("a room", INFO)
    assert time.monotonic() - started < 2
    agent = make_agent(endpoint, timeout=0.5, max_retries=1)
    answer_in_drops(endpoint, monkeypatch, payload, pause)
    assert agent.act("a room", INFO) == write_reply("forward", "walk", True)


def test_react_replies_make_one_segment(endpoint: FakeEndpoint, corridor: Any) -> None:
    endpoint.answers[:] = [(200, "<think>on</think><action>forward</action>")]
    episode = play_episode(SubgoalWrapper(corridor()), make_agent(endpoint, prompt=PromptConfig("react")), task=2)
    assert episode.success and len(episode.segments) == 1
    assert "<think>" in endpoint.requests[0]["messages"][0]["content"]


INFO = {"instruction": "walk", "admissible_actions": ["forward"]}


def choose(content: Any = "look", finish_reason: Any = "stop", **fields: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content, **fields.pop("message", {})}
    return {"choices": [{"index": 0, "finish_reason": finish_reason, "message": message, **fields}]}


def test_request_holds_what_every_server_takes_and_what_was_asked_for(endpoint: FakeEndpoint) -> None:
    make_agent(endpoint).act("a room", INFO)
    assert set(endpoint.requests[-1]) == {"model", "messages", "seed"}
    request = {"max_completion_tokens": 9, "top_p": 0.5, "extra_body": {"top_k": 5}, "seed": None, "temperature": None}
    agent = make_agent(endpoint, request=request, temperature=0.7)
    agent.act("a room", INFO)
    sent = {name: value for name, value in endpoint.requests[-1].items() if name != "messages"}
    assert sent == {"model": "fake", "max_completion_tokens": 9, "top_p": 0.5, "top_k": 5}
    make_agent(endpoint, max_reply_tokens=7, temperature=0.0).act("a room", INFO)
    assert (endpoint.requests[-1]["max_tokens"], endpoint.requests[-1]["temperature"]) == (7, 0.0)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("messages", "request cannot hold 'messages', which the agent decides"),
        ("stream", "request cannot hold 'stream'"),
        ("top_k", "unknown option 'top_k'.*did you mean 'top_p'.*goes into extra_body"),
    ],
)
def test_request_that_cannot_be_sent_gets_a_sentence(endpoint: FakeEndpoint, name: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make_agent(endpoint, request={name: 1})


def test_card_tells_what_plays_and_no_secret() -> None:
    request = {
        "extra_headers": {"key": "hush"},
        "extra_query": {"key": "hush"},
        "extra_body": {"top_k": 5},
        "stop": ["x"],
    }
    agent = ChatAgent("fake", "http://me:hush@127.0.0.1:1/v1?key=hush", "hush", temperature=0.5, request=request)
    assert "hush" not in json.dumps(agent.card)
    assert agent.card == {
        "model": "fake",
        "endpoint": "http://127.0.0.1:1/v1/",
        "prompt_style": "hiper",
        "prompt_version": 2,
        "lists_actions": True,
        "history_turns": None,
        "max_characters": 64_000,
        "ignores_case": True,
        "temperature": 0.5,
        "extra_body": '{"top_k": 5}',
        "stop": '["x"]',
    }


def test_card_goes_into_the_header_of_a_run(endpoint: FakeEndpoint, tmp_path: Path) -> None:
    """From the process that plays, with what each reply used in the records."""
    url = endpoint.url.replace("http://", "http://me:hush@")
    (tmp_path / "player.py").write_text(
        "from hiper_agents.agents.chat import ChatAgent\n\n\ndef make():\n"
        f"    return ChatAgent('fake', {url!r}, 'hush', temperature=0.5, request={{'stop': ['x']}}, prompt_price=2.0)\n"
    )
    run = run_panel(f"{tmp_path}/player.py:make", "alfworld-demo-v2", tmp_path / "run", num_episodes=1)
    card = msgspec.json.decode((tmp_path / "run/run.json").read_bytes())["card"]
    assert card == make_agent(endpoint, temperature=0.5, request={"stop": ["x"]}).card == run.header.card
    assert card["endpoint"] == f"{endpoint.url}/" and "hush" not in (tmp_path / "run/run.json").read_text()
    used = {
        (turn.prompt_tokens, turn.reply_tokens, turn.cost, turn.finish_reason)
        for episode in run.episodes
        for turn in episode.turns
    }
    assert used == {(100, 10, 100 * 2 / 1e6, "stop")} and run.episodes[0].ignores_case
    assert verify_run(run) == []


@pytest.mark.parametrize("answer", [(500, ""), (429, ""), (200, b"<p>"), (200, {"choices": []})])
def test_endpoint_that_fails_is_a_failure_around_the_agent(
    endpoint: FakeEndpoint, corridor: Any, answer: tuple[int, Any]
) -> None:
    endpoint.answers[:] = [answer]
    episode = play_episode(SubgoalWrapper(corridor()), make_agent(endpoint, max_retries=0), task=0)
    assert episode.error and episode.failed_around
    endpoint.answers[:] = [(400, "")]
    episode = play_episode(SubgoalWrapper(corridor()), make_agent(endpoint, max_retries=0), task=0)
    assert episode.error and not episode.failed_around


NO_REPLIES = [
    (b"<html><body>Sign in</body></html>", "a web page (<html><body>Sign in</body></html>)"),
    (b'{"id": "1", "choices": [{"index"', "broken JSON"),
    (b"", "an empty body"),
    (b"busy", "no JSON (busy)"),
    (b"[]", "JSON that is no chat completion"),
    (b"null", "JSON that is no chat completion"),
    (b"[" * 100_000, "no JSON"),
    ({"choices": []}, "no choice"),
    ({"choices": None}, "no choice"),
    ({"choices": [None]}, "no choice"),
    ({"choices": None, "error": {"message": "overloaded"}}, "an error (overloaded)"),
    (choose(None), "a message without content (finish reason 'stop'"),
    ({"choices": [{"index": 0, "message": None}]}, "a message without content (finish reason None"),
    (choose(None, "tool_calls"), "a message without content (finish reason 'tool_calls'"),
]


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that the agent takes, which take no time."""
    taken: list[float] = []
    monkeypatch.setattr(chat.time, "sleep", taken.append)
    return taken


@pytest.mark.parametrize(("answer", "sentence"), NO_REPLIES)
def test_answer_without_a_reply_is_tried_again_and_told(
    endpoint: FakeEndpoint, corridor: Any, pauses: list[float], answer: Any, sentence: str
) -> None:
    endpoint.answers[:0] = [(200, answer)] * 2
    agent = make_agent(endpoint, max_retries=2)
    assert play_episode(SubgoalWrapper(corridor()), agent, task=0).success
    assert len(endpoint.requests) == 4 and pauses == [0.5, 1.0]
    endpoint.answers[:] = [(200, answer)]
    episode = play_episode(SubgoalWrapper(corridor()), agent, task=0)
    assert episode.error and episode.error.startswith(
        f"ChatError: the endpoint {endpoint.url}/ answered with {sentence}"
    )
    assert episode.error.endswith(": a failure around the agent, not of its play") and "\n" not in episode.error
    assert len(endpoint.requests) == 7 and agent.usage is None and agent.tokens is None


def test_all_kinds_of_failures_share_the_tries(endpoint: FakeEndpoint, pauses: list[float]) -> None:
    endpoint.answers[:] = [(500, ""), (200, b"<p>"), (429, ""), (200, b"<p>"), (200, "look")]
    with pytest.raises(chat.ChatError, match="a web page"):
        make_agent(endpoint, max_retries=3).act("a room", INFO)
    assert len(endpoint.requests) == 4


@pytest.mark.parametrize(
    ("answer", "reply", "finish_reason"),
    [
        (choose(""), "", "stop"),
        (choose(None, "length"), "", "length"),
        (choose(None, message={"refusal": "I will not."}), "I will not.", "stop"),
        (choose([{"type": "text", "text": "lo"}, {"type": "image"}, {"type": "text", "text": "ok"}]), "look", "stop"),
        (choose("look \ud83d"), "look \ufffd", "stop"),
        (choose("look", 3), "look", None),
    ],
)  # fmt: skip
def test_odd_replies(endpoint: FakeEndpoint, answer: Any, reply: str, finish_reason: str | None) -> None:
    endpoint.answers[:] = [(200, answer)]
    agent = make_agent(endpoint)
    assert agent.act("a room", INFO) == reply
    assert agent.usage and agent.usage.finish_reason == finish_reason


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, Usage(None, None, None, "stop")),
        ({"prompt_tokens": "many", "completion_tokens": None}, Usage(None, None, None, "stop")),
        ({"prompt_tokens": 5, "completion_tokens": 2, "cost": 0.25}, Usage(5, 2, 0.25, "stop")),
    ],
)
def test_odd_counts(endpoint: FakeEndpoint, usage: Any, expected: Usage) -> None:
    endpoint.answers[:] = [(200, {**choose(), "usage": usage})]
    agent = ChatAgent("fake", endpoint.url, "none")
    agent.act("a room", INFO)
    assert agent.usage == expected and agent.cost == (expected.cost or 0.0)


def rows(*tokens: str) -> dict[str, Any]:
    return {"content": [{"token": token, "logprob": -0.5, "bytes": None, "top_logprobs": []} for token in tokens]}


@pytest.mark.parametrize(
    ("answer", "tokens"),
    [
        (choose("look"), None),
        (choose("look", logprobs=None), None),
        (choose("look", logprobs=rows("lo", "ok")), ReplyTokens(None, ("lo", "ok"), (-0.5, -0.5), None)),
        (choose("look", logprobs=rows("token_id:7", "token_id:9")), ReplyTokens((7, 9), None, (-0.5, -0.5), None)),
        (
            {**choose("look", logprobs=rows("lo", "ok"), token_ids=[7, 9]), "prompt_token_ids": [1, 2, 3]},
            ReplyTokens((7, 9), ("lo", "ok"), (-0.5, -0.5), (1, 2, 3)),
        ),
        (choose("look", logprobs=rows("look"), token_ids=[7, 9]), ReplyTokens((7, 9), None, None, None)),
        (choose("look", logprobs={"content": [3, None]}, token_ids=["7"]), None),
    ],
)
def test_tokens_are_kept(endpoint: FakeEndpoint, answer: Any, tokens: ReplyTokens | None) -> None:
    endpoint.answers[:] = [(200, answer), (200, "look")]
    agent = make_agent(endpoint)
    agent.act("a room", INFO)
    assert agent.tokens == tokens
    agent.act("a room", INFO)
    assert agent.tokens is None


def test_requests_go_on_where_the_last_ended(endpoint: FakeEndpoint, corridor: Any) -> None:
    play_episode(SubgoalWrapper(corridor()), make_agent(endpoint), task=2)
    sent = [request["messages"] for request in endpoint.requests]
    for before, after in pairwise(sent):
        assert after[: len(before)] == before and len(after) == len(before) + 2
    assert [message["role"] for message in sent[1]] == ["system", "user", "assistant", "user"]
    assert sent[1][2]["content"] == write_reply("forward", "walk", True)


def test_first_version_of_prompts_is_one_message(endpoint: FakeEndpoint, corridor: Any) -> None:
    agent = make_agent(endpoint, prompt=PromptConfig(version=1, history_turns=10))
    play_episode(SubgoalWrapper(corridor()), agent, task=1)
    assert [len(request["messages"]) for request in endpoint.requests] == [2, 2, 2]
    assert endpoint.requests[2]["messages"][1]["content"].count("You answered: ") == 2


@pytest.mark.parametrize("ignores_case", [True, False])
def test_case_is_ignored_unless_it_counts(endpoint: FakeEndpoint, corridor: Any, ignores_case: bool) -> None:
    endpoint.answers[:] = [(200, write_reply("Forward", "walk"))]
    agent = make_agent(endpoint, ignores_case=ignores_case)
    episode = play_episode(SubgoalWrapper(TimeLimit(corridor(), 4)), agent, task=1)
    assert episode.success == ignores_case and "only in case: 'forward'" in episode.turns[0].problems[0]
    assert episode.turns[0].reply == write_reply("Forward", "walk")
    assert replay(episode, SubgoalWrapper(corridor())) == []


def test_reply_at_the_limit_of_tokens_is_cut_off_and_not_ill_formed(endpoint: FakeEndpoint, corridor: Any) -> None:
    endpoint.answers[:] = [(200, choose("Let me think about the corridor", "length"))]
    episode = play_episode(SubgoalWrapper(TimeLimit(corridor(), 2)), make_agent(endpoint), task=1)
    assert all(turn.is_cut_off and not turn.is_ill_formed for turn in episode.turns)
