"""Episode records as one self-contained HTML page: `hiper view`, and the episodes of the leaderboard's report."""

from hiper_envs.viewer.packing import Source
from hiper_envs.viewer.page import render_page, render_viewer, write_viewer
from hiper_envs.viewer.sources import load_sources

__all__ = ["Source", "load_sources", "render_page", "render_viewer", "write_viewer"]
