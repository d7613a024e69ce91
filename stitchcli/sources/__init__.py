"""Where networks come from: a built-in name, a file, an import path, a package's model zoo."""
