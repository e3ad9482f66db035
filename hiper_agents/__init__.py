"""Agents for the environments: scripted, compact, flat; how they are trained, and their advantages."""
