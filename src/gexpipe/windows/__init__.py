"""Windows around each TSS: the zarr stores, how they are built and read."""
