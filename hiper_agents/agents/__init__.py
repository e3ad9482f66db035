"""Agents ready to play: scripted ones, shipped weights, a chat endpoint, a person at the terminal."""
