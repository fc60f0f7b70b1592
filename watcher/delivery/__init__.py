"""Messages to services, through apprise."""
