"""ALFWorld: games, two engines, a solver and the environment over them."""
