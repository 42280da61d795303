"""What users start: the commands, and seed files."""
