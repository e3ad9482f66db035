"""The compact policy: notes on the texts, a small network over them, and the agent that plays with both."""
