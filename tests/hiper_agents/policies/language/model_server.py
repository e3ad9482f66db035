"""A server in a thread that answers as vLLM and SGLang do, from a model of transformers."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import torch

from hiper_agents.policies.language.model import LanguageModel, load_language_model


class ModelServer(ThreadingHTTPServer):
    """Draws from a model; `faults` are answers (status, body) that come first, a body of None never ends.

    Attributes:
        requests: What was asked: path and body.
        changes: What every good answer's first choice, or meta_info, is changed by.
        is_open: Whether it takes new weights.
    """

    daemon_threads = True

    def __init__(self, language: LanguageModel) -> None:
        self.language = language
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.faults: list[tuple[int, bytes | None]] = []
        self.changes: dict[str, Any] = {}
        self.served = ["tiny"]
        self.is_open = True
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def draw(
        self, ids: list[int], max_tokens: int, temperature: float, seed: int, stop: str
    ) -> tuple[list[int], list[float], str]:
        """Draw tokens until one ends the text or the text so far ends with `stop`; tokens that end it are told."""
        generator = torch.Generator().manual_seed(seed)
        drawn: list[int] = []
        logs: list[float] = []
        with self.lock, torch.no_grad():
            while len(drawn) < max_tokens:
                scores = self.language.model(input_ids=torch.tensor([[*ids, *drawn]])).logits[0, -1].float()
                shares = (scores.double() / (temperature or 1)).softmax(-1)
                token = int(torch.multinomial(shares, 1, generator=generator) if temperature else scores.argmax())
                drawn.append(token)
                logs.append(float(scores.log_softmax(-1)[token]))
                if token in self.language.end_ids or stop in self.language.tokenizer.decode(drawn):
                    return drawn, logs, "stop"
        return drawn, logs, "length"


class _Handler(BaseHTTPRequestHandler):
    server: ModelServer

    def do_GET(self) -> None:
        assert self.path == "/v1/models"
        self.answer(200, {"object": "list", "data": [{"id": name} for name in self.server.served]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
        self.server.requests.append((self.path, body))
        if self.server.faults:
            self.fail(*self.server.faults.pop(0))
        elif self.path == "/v1/completions":
            self.complete(body)
        elif self.path == "/generate":
            self.generate(body)
        elif self.path in ("/collective_rpc", "/update_weights_from_disk", "/reset_prefix_cache"):
            self.reload(body)
        else:
            self.answer(404, {"detail": "Not Found"})

    def complete(self, body: dict[str, Any]) -> None:
        assert body["model"] == "tiny" and body["return_token_ids"] and body["include_stop_str_in_output"]
        assert (body["top_p"], body["top_k"], body["repetition_penalty"]) == (1, -1, 1)
        drawn, logs, reason = self.server.draw(
            body["prompt"], body["max_tokens"], body["temperature"], body["seed"], body["stop"][0]
        )
        choice = {"text": "", "finish_reason": reason, "token_ids": drawn, "logprobs": {"token_logprobs": logs}}
        self.answer(200, {"choices": [{**choice, **self.server.changes}]})

    def generate(self, body: dict[str, Any]) -> None:
        asked = body["sampling_params"]
        assert body["return_logprob"] and asked["no_stop_trim"]
        drawn, logs, reason = self.server.draw(
            body["input_ids"], asked["max_new_tokens"], asked["temperature"], asked["sampling_seed"], asked["stop"][0]
        )
        rows = [[log, token, None] for log, token in zip(logs, drawn, strict=True)]
        meta = {"finish_reason": {"type": reason}, "output_token_logprobs": rows, **self.server.changes}
        self.answer(200, {"text": "", "output_ids": drawn, "meta_info": meta})

    def reload(self, body: dict[str, Any]) -> None:
        if not self.server.is_open:
            self.answer(404, {"detail": "Not Found"})
            return
        folder = body.get("model_path") or body.get("kwargs", {}).get("weights_path")
        if folder is not None:
            with self.server.lock:
                self.server.language = load_language_model(Path(folder))
        self.answer(200, {"success": True, "message": "Succeeded to update model weights."})

    def fail(self, status: int, body: bytes | None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(10 if body is None else len(body)))
        self.end_headers()
        if body is None:
            time.sleep(1.0)
        else:
            self.wfile.write(body)

    def answer(self, status: int, body: Any) -> None:
        self.fail(status, json.dumps(body).encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def serve(language: LanguageModel) -> Iterator[ModelServer]:
    server = ModelServer(language)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
