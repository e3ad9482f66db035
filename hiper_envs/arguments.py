"""What environments are called with, checked alike in every world: a wrong type or name gets one sentence."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from webshop_server.allowed_names import check_choice
from webshop_server.allowed_types import WrongTypeError, check_integer, is_integer, shorten, tell_wrong_type

RESET_OPTIONS = ("task",)


def check_action(action: Any, example: str) -> str:
    """Return an action as a plain string.

    Args:
        action: What `step` was given; a string of numpy is taken.
        example: An action of this world.

    Raises:
        WrongTypeError: It is no string.
    """
    if not isinstance(action, str):
        raise tell_wrong_type("an action", f"a string such as {example!r}", action)
    return action if type(action) is str else str(action)


def tell_wrong_state(state: object) -> WrongTypeError:
    """Return the error for what `set_state` cannot go on from."""
    told = f"{shorten(state)} ({type(state).__name__})"
    return WrongTypeError(f"expected a state that get_state() returned, not {told}")


def check_seed(seed: Any) -> int | None:
    """Return a seed as Gymnasium takes it.

    Raises:
        WrongTypeError: It is neither None nor a whole number.
        ValueError: It is below 0.
    """
    return None if seed is None else check_integer(seed, "seed", 0)


def check_options(options: Any) -> dict[str, Any] | None:
    """Return the options of `reset`.

    Raises:
        WrongTypeError: They are no dictionary.
    """
    if options is not None and not isinstance(options, Mapping):
        raise tell_wrong_type("options", "a dictionary such as {'task': 0}, or None", options)
    return None if options is None else dict(options)


def read_task_option(options: Any) -> Any:
    """Return the task that the options of `reset` ask for, None if they ask for none.

    Raises:
        WrongTypeError: The options are no dictionary.
        ValueError: There is an option that no world has; the message has the nearest.
    """
    given = check_options(options) or {}
    for name in given:
        check_choice(name, RESET_OPTIONS, "reset option")
    return given.get("task")


def choose_task(task: Any, tasks: Sequence[str], split: str, find_nearest: Callable[[str], str | None]) -> str:
    """Return the id of the task that is meant.

    Args:
        task: A position in `tasks`, or an id.
        tasks: The ids of the split.
        split: The split's name.
        find_nearest: Returns the id that is nearest to a mistyped one, if any is near.

    Raises:
        WrongTypeError: The task is neither.
        ValueError: There is no such task; the message has the nearest.
    """
    if isinstance(task, str):
        if task not in tasks:
            near = find_nearest(task)
            hint = f"; did you mean {near!r}?" if near else f"; they are named like {tasks[0]!r}"
            raise ValueError(f"unknown task {str(task)!r:.200}: there is no task of that name in split {split!r}{hint}")
        return str(task)
    if not is_integer(task):
        raise tell_wrong_type("options['task']", "a position in env.unwrapped.tasks, or a task's id", task)
    position = int(task)
    if not 0 <= position < len(tasks):
        raise ValueError(f"there is no task {position}; the {len(tasks)} tasks of this split are 0 to {len(tasks) - 1}")
    return tasks[position]


def check_render_mode(mode: Any, modes: Sequence[str]) -> str | None:
    """Return a render mode.

    Args:
        mode: What the environment was made with.
        modes: Those that it has.

    Raises:
        ValueError: It has no such mode; the message says which there are.
    """
    return None if mode is None else check_choice(mode, modes, "render_mode")
