"""Where the rows of an org are: SQLite, the values in it, and what every org has from the start."""
