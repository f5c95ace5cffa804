"""Predictions of a trained model, and metrics computed from predictions alone."""
