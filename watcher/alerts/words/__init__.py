"""What a message says of its events. Pure."""
