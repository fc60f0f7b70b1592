"""Processes that deliver: how each system starts them, hears from them, limits them and ends them."""
