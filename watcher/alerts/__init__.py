"""What is owed to each channel, and the messages that say it. Pure."""
