"""Bins around each TSS, as GTA reads them: Sei's features, signals, their stores.

Source: Honig et al., "Long-range gene expression prediction with token alignment of large language
model". No code of its authors is public; docs/gta.md lists what the paper leaves open.
"""
