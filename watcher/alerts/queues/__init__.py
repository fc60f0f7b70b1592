"""Queues of undelivered messages: who owns them, how they grow, wait, shrink and expire."""
