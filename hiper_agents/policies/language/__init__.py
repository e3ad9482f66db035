"""Causal language models of Hugging Face transformers: loaded, drawn from, their tokens credited to choices."""
