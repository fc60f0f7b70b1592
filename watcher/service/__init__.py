"""`run`: the loop that lives as long as the service does, and what the service's surroundings hear of it."""
