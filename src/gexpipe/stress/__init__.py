"""Methods asked what happens when a gene's regulation is changed, where the answer is known."""
