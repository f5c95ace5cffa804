"""Archives: prepared data, plain tensors, trained models: folders with checksums and a card."""
