"""Ways into other trainers, one file and one extra each."""
