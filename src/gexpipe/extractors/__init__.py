"""Expression models of others, asked about the DNA around every TSS."""
