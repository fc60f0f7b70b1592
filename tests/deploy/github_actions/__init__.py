"""The action for GitHub: its files, its steps on a simulated runner, and what it does to a real git repository."""
