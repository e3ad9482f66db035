"""Scores of runs as functions of their records, and the check that the records are true."""
