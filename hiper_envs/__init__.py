"""ALFWorld and WebShop as Gymnasium text environments with segment boundaries.

Importing this package registers `hiper/ALFWorld-v0` and `hiper/WebShop-v0`.
"""

from hiper_envs.episode import Agent, Episode, Step, play_episode
from hiper_envs.milestones import MilestoneWrapper, measure_agreement
from hiper_envs.records import EpisodeWriter, read_episodes, replay
from hiper_envs.registration import register_envs
from hiper_envs.reply import Reply, parse_reply, write_reply
from hiper_envs.spaces import UnicodeText
from hiper_envs.subgoals import Segment, SubgoalWrapper

__all__ = [
    "Agent",
    "Episode",
    "EpisodeWriter",
    "MilestoneWrapper",
    "Reply",
    "Segment",
    "Step",
    "SubgoalWrapper",
    "UnicodeText",
    "measure_agreement",
    "parse_reply",
    "play_episode",
    "read_episodes",
    "replay",
    "write_reply",
]

register_envs()
