"""Contact between a TSS and its surroundings, from Hi-C or from a power law."""
