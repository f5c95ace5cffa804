"""Benchmark tables and figures, built from metrics and predictions beside the published values."""
