"""Why two preparations of a cell type differ: input by input, gene by gene."""
