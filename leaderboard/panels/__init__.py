"""Panels: frozen lists of tasks, the worlds they are played in, and how they are frozen."""
