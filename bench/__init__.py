"""`make bench`: what swarmlay costs, beside the least program that does the same job."""
