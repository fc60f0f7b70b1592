"""What makes a test's processes take this machine for another system (`sitecustomize`)."""
