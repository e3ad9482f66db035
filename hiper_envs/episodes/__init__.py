"""Episodes: their records, the loop that plays them, files of them, and replays that check them."""
