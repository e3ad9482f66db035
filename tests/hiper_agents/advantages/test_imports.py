"""Advantages are numpy alone."""

import subprocess
import sys


def test_torch_is_not_imported() -> None:
    script = "import sys, hiper_agents, hiper_agents.advantages; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
