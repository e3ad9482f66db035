"""Language policies: made new, begun from a model, saved to a folder and opened again."""
