"""Predictions of a trained model, gene by gene; below training, which validates with them."""
