"""One of the processes of a test: trains on the toy world as JSON says, once for each folder.

Arguments: the settings and the folders; in the last of several folders' runs each process keeps a part of the weights.
"""

import json
import sys
from pathlib import Path

from hiper_agents.training.config import make_config
from hiper_agents.training.distribution import AcceleratedProcesses, join_processes
from hiper_agents.training.trainer import Trainer
from tests.hiper_agents.toy import RoomsExpert, register_toy


def train(settings: str, *folders: str) -> None:
    """Train to the end."""
    register_toy()
    config = make_config(json.loads(settings))
    processes = join_processes()
    for number, folder in enumerate(folders):
        if isinstance(processes, AcceleratedProcesses):
            processes.uses_shards = number == len(folders) - 1
        Trainer(config, Path(folder), make_expert=RoomsExpert, processes=processes).run()
    processes.end()


if __name__ == "__main__":
    train(*sys.argv[1:])
