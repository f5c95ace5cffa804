"""What reviewers ask of a benchmark, answered from predictions alone."""
