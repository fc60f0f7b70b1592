"""The state folder: its files, their forms and their durability."""
