"""Building blocks that methods are made of."""
