"""Agents that follow rules: they learn nothing and need no heavy library."""

from hiper_agents.agents.scripted.alfworld_expert import ALFWorldExpert
from hiper_agents.agents.scripted.hasty_buyer import HastyBuyer
from hiper_agents.agents.scripted.random_agent import RandomAgent
from hiper_agents.agents.scripted.rule_agent import RuleAgent
from hiper_agents.agents.scripted.webshop_expert import WebShopExpert

__all__ = ["ALFWorldExpert", "HastyBuyer", "RandomAgent", "RuleAgent", "WebShopExpert"]
