"""What a part does, found by putting something else in its place."""
