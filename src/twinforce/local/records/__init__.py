"""Writing records: what is checked, what follows from it, and how a record is shown."""
