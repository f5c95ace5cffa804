"""MACS3 peaks on accessibility alignments."""
