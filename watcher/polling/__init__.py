"""The conductor of one poll."""
