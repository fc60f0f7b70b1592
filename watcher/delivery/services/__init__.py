"""What single services need: one module per family, and a table that finds the rules by apprise's name of a service."""
