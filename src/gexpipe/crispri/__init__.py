"""CRISPRi screens: tested pairs, precision of scores, tables."""
