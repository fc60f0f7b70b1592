"""Reports: what a person or a log reads about a poll."""
