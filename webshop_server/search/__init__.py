"""Ranked search, equal to Lucene's: from text to terms, postings and scores."""
