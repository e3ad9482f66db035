"""ALFWorld and WebShop as Gymnasium text environments with segment boundaries.

Importing this package registers `hiper/ALFWorld-v0`, `hiper/ALFWorldLong-v0`, `hiper/WebShop-v0` and
`hiper/WebShopBasket-v0`.
"""

from hiper_envs.episodes.agents import Agent
from hiper_envs.episodes.files import EpisodeWriter, read_episodes
from hiper_envs.episodes.play import play_episode
from hiper_envs.episodes.record import Episode, Turn
from hiper_envs.episodes.replay import replay
from hiper_envs.milestones import MilestoneWrapper, measure_agreement
from hiper_envs.registration import register_envs
from hiper_envs.reply import Reply, parse_reply, write_reply
from hiper_envs.reward_wrappers import DelayedRewardWrapper, NoisyRewardWrapper
from hiper_envs.segments import Segment, SubgoalWrapper
from hiper_envs.spaces import UnicodeText

__all__ = [
    "Agent",
    "DelayedRewardWrapper",
    "Episode",
    "EpisodeWriter",
    "MilestoneWrapper",
    "NoisyRewardWrapper",
    "Reply",
    "Segment",
    "SubgoalWrapper",
    "Turn",
    "UnicodeText",
    "measure_agreement",
    "parse_reply",
    "play_episode",
    "read_episodes",
    "replay",
    "write_reply",
]

register_envs()
