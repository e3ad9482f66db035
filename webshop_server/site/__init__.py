"""The shop as a web site: pages as HTML, read back from it, and served."""
