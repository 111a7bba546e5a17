"""Side-by-side measurements of Assay and its peers, each peer in a locked environment of its own."""
