"""Frozen panels of tasks, runs of any agent over them, scores with intervals, reports, and replays that check them."""
