"""Where it runs: each place's files, checked and carried out with that place's own tools."""
