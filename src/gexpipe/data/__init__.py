"""Data sets: what a model is given of a cell type, over the stores and tables."""
