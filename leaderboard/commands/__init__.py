"""What each subcommand of `leaderboard` does."""
