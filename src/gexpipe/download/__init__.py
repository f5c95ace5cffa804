"""Files by accession: resolved on a portal or a mirror, fetched, verified, recorded."""
