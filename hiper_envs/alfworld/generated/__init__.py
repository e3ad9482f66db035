"""Games made from nothing but their id: tasks, rooms, furniture, and where things lie."""
