"""Where in the source a network's numbers are written, and how to write them otherwise."""
