"""GTA: features of bins around the TSS, read by a frozen language model.

Source: Honig et al., "Long-range gene expression prediction with token alignment of large language
model". No code of its authors is public; docs/gta.md lists what the paper leaves open.
"""
