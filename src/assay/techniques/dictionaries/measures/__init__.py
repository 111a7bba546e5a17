"""What a dictionary is worth, each measure with its formula."""
