"""Ways of getting forgotten knowledge back, one file each; the file's name is its key."""
