"""One of the processes of a test: trains on the toy world as the command line's JSON says.

Arguments: the settings, the folder of the run, and the file that the first process writes the outcome to.
"""

import json
import sys
from pathlib import Path

from hiper_agents.training.config import make_config
from hiper_agents.training.distribution import join_processes
from hiper_agents.training.trainer import Trainer
from tests.hiper_agents.toy import RoomsExpert, register_toy


def train(settings: str, folder: str) -> None:
    """Train to the end."""
    register_toy()
    processes = join_processes()
    config = make_config(json.loads(settings))
    Trainer(config, Path(folder), make_expert=RoomsExpert, processes=processes).run()
    print(json.dumps({"rank": processes.rank, "count": processes.count}))
    processes.end()


if __name__ == "__main__":
    train(*sys.argv[1:])
