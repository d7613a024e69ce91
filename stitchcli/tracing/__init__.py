"""One forward pass → Trace: shapes, costs, provenance and mismatches; nothing is left behind."""
