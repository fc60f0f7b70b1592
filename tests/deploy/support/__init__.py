"""What tests of deployments share: the tools, an empty place to begin in, a Debian in a folder."""
