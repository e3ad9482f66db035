"""The chat agent against a fake endpoint on this machine."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from gymnasium.wrappers import TimeLimit

from hiper_agents.agents.chat import ChatAgent
from hiper_envs import SubgoalWrapper, play_episode, write_reply
from hiper_envs.prompts import PromptConfig

openai = pytest.importorskip("openai", reason="needs the extra chat")


class FakeEndpoint(ThreadingHTTPServer):
    """Answers chat requests from a list of (status, reply); the last one goes on for ever."""

    def __init__(self, answers: list[tuple[int, str]]) -> None:
        self.answers = answers
        self.requests: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", 0), FakeHandler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class FakeHandler(BaseHTTPRequestHandler):
    server: FakeEndpoint

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append(json.loads(body))
        answers = self.server.answers
        status, reply = answers.pop(0) if len(answers) > 1 else answers[0]
        message = {"role": "assistant", "content": reply}
        answer = {
            "id": "1",
            "object": "chat.completion",
            "created": 0,
            "model": "fake",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
        }
        payload = json.dumps(answer if status == 200 else {"error": {"message": "no"}}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.send_header("retry-after-ms", "1")
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[FakeEndpoint]:
    server = FakeEndpoint([(200, write_reply("forward", "walk", True))])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


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


def test_passing_faults_are_tried_again(endpoint: FakeEndpoint, corridor: Any) -> None:
    endpoint.answers[:0] = [(500, ""), (429, "")]
    episode = play_episode(SubgoalWrapper(corridor()), make_agent(endpoint), task=0)
    assert episode.success and len(endpoint.requests) == 4


def test_lasting_fault_is_a_recorded_failure(endpoint: FakeEndpoint, corridor: Any) -> None:
    endpoint.answers[:] = [(500, "")]
    episode = play_episode(SubgoalWrapper(corridor()), make_agent(endpoint, max_retries=1), task=0)
    assert episode.error and episode.error.startswith("InternalServerError")
    assert len(endpoint.requests) == 2


def test_react_replies_make_one_segment(endpoint: FakeEndpoint, corridor: Any) -> None:
    endpoint.answers[:] = [(200, "<think>on</think><action>forward</action>")]
    episode = play_episode(SubgoalWrapper(corridor()), make_agent(endpoint, prompt=PromptConfig("react")), task=2)
    assert episode.success and len(episode.segments) == 1
    assert "<think>" in endpoint.requests[0]["messages"][0]["content"]
