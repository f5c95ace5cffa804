"""Training: options, schedule, batch order, the loop, checkpoints."""
