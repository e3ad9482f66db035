"""All figures of the language policy in one run: python benchmarks/language.py [--model FOLDER] [--smollm2 FOLDER].

One after the other, each in a process of its own so that its memory is its own: drawing replies against transformers'
`generate`, a trained small model at play and at learning, and the first steps of SmolLM2-135M. What cannot be measured
here, because a model or a package is missing, says so at its end; the rest goes on.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from rich.console import Console

HERE = Path(__file__).parent
console = Console(width=100)


def main() -> int:
    """Run the parts; return 1 if one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="folder of a small model that training saved, by default the shipped one")
    parser.add_argument("--smollm2", help="another chat model's folder instead of SmolLM2")
    arguments = parser.parse_args()
    failed = []
    for name, model in (("drawing", None), ("play", arguments.model), ("smollm2", arguments.smollm2)):
        script = "smollm2.py" if name == "smollm2" else f"language_{name}.py"
        console.rule(script)
        options = ["--model", model] if model else []
        if subprocess.run([sys.executable, str(HERE / script), *options], check=False).returncode:
            failed.append(script)
    if failed:
        console.print(f"not measured: {', '.join(failed)}; what is missing stands above")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
