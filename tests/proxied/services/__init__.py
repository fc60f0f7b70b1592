"""The services, one module per family. Limits and answers are those of each service's own documentation."""
