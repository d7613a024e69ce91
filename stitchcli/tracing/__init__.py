"""One forward pass → Trace: shapes, costs, provenance and every mismatch, with nothing left behind."""
