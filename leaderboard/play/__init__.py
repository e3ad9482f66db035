"""Playing panels with somebody else's agents, into run folders."""
