"""What a part does, told from gradients."""
