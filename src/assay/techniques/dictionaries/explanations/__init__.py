"""What a latent stands for, said without a language model, and held against text that was not looked at.

An explanation predicts how much a latent is on at each token. What the token alone predicts is the floor.
"""
