"""Activity-by-Contact: candidate elements, their activity, and scores for every gene."""
