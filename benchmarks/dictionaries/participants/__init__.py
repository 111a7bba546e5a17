"""Who takes part: one file each, with a function for every task that it can do.

A function takes ``Inputs`` and gives one or more ``Work``, by how the library is used. These files run in
the participant's own environment, so they import nothing of Assay (its own excepted).
"""
