"""Shape and parameter audit for neural networks that are stitched together from blocks."""
