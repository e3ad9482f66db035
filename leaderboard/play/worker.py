"""The side of a run that starts worker processes, hands them tasks, and outlives whatever the agent does to them."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

import msgspec

from hiper_envs import Episode
from hiper_envs.episodes.agent_facts import Card
from hiper_envs.episodes.agents import AgentError
from hiper_envs.episodes.play import EpisodeRecorder
from hiper_envs.episodes.record import ErrorKind
from hiper_envs.episodes.regular_file import open_regular
from hiper_envs.plain_text import describe_error
from leaderboard.panels.fingerprint import PanelError, PanelTask
from leaderboard.play.player import WorldError
from leaderboard.play.protocol import Answer, Played, PlayTask, Ready, Refused, Setup, TurnStarted, WorldBroken

GRACE_SECONDS = 5.0
"""Time over the turn limit after which a process that does not interrupt its agent by itself is stopped."""
READ_BYTES = 1 << 20

_decode_answer = msgspec.json.Decoder(Answer).decode


def play_in_processes(
    setup: Setup,
    tasks: Iterable[PanelTask],
    *,
    seed: int,
    num_workers: int,
    log_path: Path,
    on_card: Callable[[Card], None] = lambda card: None,
) -> Iterator[Episode]:
    """Play tasks in several processes; yield the records as they are finished.

    Args:
        setup: What to play.
        tasks: The tasks.
        seed: Added to the seed of every task.
        num_workers: How many processes.
        log_path: File to which everything that the agents print is appended.
        on_card: Called with what each process's agent says of itself.

    Raises:
        PanelError: The world cannot be made or lacks a task.
        AgentError: The agent cannot be loaded or made.
        WorldError: The environment failed.
    """
    waiting = iter(tasks)
    workers = [WorkerProcess(setup, log_path, on_card) for _ in range(num_workers)]
    try:
        busy = [worker for worker in workers if _give_next(worker, waiting, seed)]
        while busy:
            for worker in _wait(busy):
                episode = worker.receive()
                if episode is not None:
                    yield episode
                    if not _give_next(worker, waiting, seed):
                        busy.remove(worker)
    finally:
        for worker in workers:
            worker.close()


def _give_next(worker: "WorkerProcess", waiting: Iterator[PanelTask], seed: int) -> bool:
    task = next(waiting, None)
    if task is not None:
        worker.give(PlayTask(task, task.seed + seed))
    return task is not None


def _wait(workers: list["WorkerProcess"]) -> list["WorkerProcess"]:
    """Return the workers that have something to say, or whose time is up."""
    deadlines = [worker.deadline for worker in workers if worker.deadline is not None]
    timeout = max(0.0, min(deadlines) - time.monotonic()) if deadlines else None
    readable = select.select(workers, [], [], timeout)[0]
    return [worker for worker in workers if worker in readable or worker.is_overdue]


class WorkerProcess:
    """One worker: a process, the task that it plays, and its answers.

    Args:
        setup: What to play.
        log_path: File to which everything that the agent prints is appended.
        on_card: Called with what the agent says of itself, whenever a process has made one.

    Attributes:
        deadline: Time on the monotonic clock by which it has to answer, None while there is no limit.
    """

    def __init__(self, setup: Setup, log_path: Path, on_card: Callable[[Card], None] = lambda card: None) -> None:
        self._setup = setup
        self._log_path = log_path
        self._on_card = on_card
        self._process: subprocess.Popen[bytes] | None = None
        self._unread: list[bytes] = []
        self._replies: list[str] = []
        self._was_ready = False
        self._ignores_case: bool | None = None
        self.deadline: float | None = None

    @property
    def is_overdue(self) -> bool:
        """Whether the deadline has passed."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    def fileno(self) -> int:
        """Return the descriptor of the answers, for `select`."""
        return _piped(self._running.stdout).fileno()

    def give(self, request: PlayTask) -> None:
        """Start to play a task, in a new process if there is none."""
        self._request = request
        self._replies = []
        if self._process is None:
            self._start()
        self._send(request)

    def receive(self) -> Episode | None:
        """Take in what the process has written; return the record once the task has been played.

        A process that has died, or does not answer in time, leaves a record with an error.

        Raises:
            PanelError: The world cannot be made or lacks a task.
            AgentError: The agent cannot be loaded or made.
            WorldError: The environment failed.
        """
        if not self._has_answered():
            if not self.is_overdue:
                return None
            limit = f"{self._setup.turn_seconds:g} seconds"
            return self._lose(f"TurnTimeoutError: no reply within {limit}, and the agent's process had to be stopped")
        received = os.read(self.fileno(), READ_BYTES)
        if not received:
            return self._lose(f"WorkerLostError: the agent's process {self._wait_for_end()}")
        if self.deadline is not None:  # what comes in pieces is an answer, however long this process was stopped
            self.deadline = max(self.deadline, time.monotonic() + GRACE_SECONDS)
        for line in self._cut_lines(received):
            try:
                answer = _decode_answer(line)
            except (ValueError, RecursionError):
                return self._lose("WorkerLostError: the agent's process wrote into the pipe of the answers")
            if (episode := self._take(answer)) is not None:
                return episode
        return None

    def _has_answered(self) -> bool:
        """Return whether something is there to be read; it counts even if it is looked at late."""
        return bool(select.select([self], [], [], 0)[0])

    def _cut_lines(self, received: bytes) -> list[bytes]:
        """Return the lines that are whole now; every byte is looked at once, however long a line is."""
        first, *others = received.split(b"\n")
        self._unread.append(first)
        if not others:
            return []
        lines = [b"".join(self._unread), *others[:-1]]
        self._unread = [others[-1]]
        return lines

    def close(self) -> None:
        """Stop the process."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the worker has no process: give it a task first")
        return self._process

    def _start(self) -> None:
        with open_regular(self._log_path, "ab", follows_links=False) as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "leaderboard.play.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
                env=worker_environment(),
                start_new_session=True,
            )
        self._unread = []
        self._send(self._setup)

    def _send(self, message: Setup | PlayTask) -> None:
        try:
            _piped(self._running.stdin).write(msgspec.json.encode(message) + b"\n")
        except BrokenPipeError:
            return  # the process is gone: receive() says so

    def _take(self, answer: Answer) -> Episode | None:
        match answer:
            case Ready(card, ignores_case):
                self._was_ready, self._ignores_case = True, ignores_case
                self._on_card(card)
            case Refused(reason, is_agent, error_kind):
                if self._was_ready:
                    return self._lose(reason, error_kind)
                raise AgentError(reason) if is_agent else PanelError(reason)
            case TurnStarted(last_reply):
                if last_reply is not None:
                    self._replies.append(last_reply)
                if self._setup.turn_seconds is not None:
                    self.deadline = time.monotonic() + self._setup.turn_seconds + GRACE_SECONDS
            case WorldBroken(reason):
                raise WorldError(reason)
            case Played(episode):
                self.deadline = None
                return episode
        return None

    def _lose(self, error: str, error_kind: ErrorKind = "agent") -> Episode:
        """Give the process up; return the record of the turns that were taken before."""
        self.close()
        self.deadline = None
        if not self._was_ready:
            raise AgentError(f"loading the agent {self._setup.agent!r} failed: {error}; see {self._log_path}")
        try:
            episode = self._replay_turns()
        except PanelError:
            raise
        except Exception as failure:
            task = self._request.task.task
            raise WorldError(f"the world failed on task {task!r}: {describe_error(failure)}") from failure
        return msgspec.structs.replace(episode, error=error, error_kind=error_kind)

    def _replay_turns(self) -> Episode:
        """Return the record of the turns that were taken of the present task, as one that broke off."""
        env = self._setup.panel.make_env(may_import=True)
        recorder = EpisodeRecorder(env, self._setup.agent_name, ignores_case=self._ignores_case)
        recorder.reset(self._request.task.task, self._request.seed)
        for reply in self._replies:
            recorder.step(reply)
        episode = recorder.finish(RuntimeError())
        env.close()
        return episode

    def _wait_for_end(self) -> str:
        return describe_end(self._running.wait())


def worker_environment() -> dict[str, str]:
    """Return the environment of a process that finds the modules which this one finds."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}


def describe_end(code: int) -> str:
    """Say how a process ended, for a sentence that begins with it."""
    return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"


def _piped(stream: IO[bytes] | None) -> IO[bytes]:
    """Return a stream of a process that was started with pipes, which therefore has it."""
    if stream is None:
        raise RuntimeError("the worker was started without pipes")
    return stream
