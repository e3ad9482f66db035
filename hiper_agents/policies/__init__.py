"""Policies: what decides, behind one protocol."""
