"""The coordinates themselves: a dictionary that loses nothing and explains nothing."""

import torch

from assay.techniques.dictionaries.dictionary import Dictionary
from assay.techniques.dictionaries.rules import Above


def identity(width: int, device: torch.device | str = "cpu") -> Dictionary:
    """Both ends of each coordinate; all that are above zero are on.

    >>> identity(3).reconstructed(torch.tensor([[1.0, -2.0, 0.0]])).tolist()
    [[1.0, -2.0, 0.0]]
    """
    eye = torch.eye(width, device=device)
    decoder = torch.cat([eye, -eye])
    zeros = torch.zeros(2 * width, device=device)
    return Dictionary(decoder, decoder, zeros, zeros[:width], Above(zeros), {"kind": "identity"})
