"""What the models learned: scores of bases and elements, their truth, and files to look at."""
