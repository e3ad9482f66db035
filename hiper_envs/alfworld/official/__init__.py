"""The official engine (TextWorld) behind the fast engine's interface."""
