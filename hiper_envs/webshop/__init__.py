"""WebShop: the shop as an environment, its tasks, and the shop through a real browser."""
