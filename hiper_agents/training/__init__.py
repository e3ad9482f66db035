"""Training: settings, play, batches, losses, the trainer and its checkpoints."""
