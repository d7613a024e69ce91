"""The command line: one file per command. torch is imported only inside a command's body."""
