"""Text ⇄ record: each parser here has a printer that is its inverse."""
