"""Models without a window: what any method that reads one has to beat."""
