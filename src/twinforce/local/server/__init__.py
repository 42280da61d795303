"""How requests come in, in process and over HTTP, and how answers and faults go out."""
