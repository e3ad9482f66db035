"""The shop as a state machine: actions, pages, their text, and the reward of a purchase."""
