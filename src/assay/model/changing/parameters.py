"""The parameters of a model by name, tied ones once, and the hash that tells one state from another."""

from collections.abc import Mapping
from hashlib import blake2b

import torch
from torch import Tensor, nn

from assay.core.errors import BadOption
from assay.model.engine import Engine

Model = Engine | nn.Module
Weights = Model | Mapping[str, Tensor]
"""A model, or its parameters by name."""
Names = Mapping[str, str]
"""The name that counts, for each name of a parameter."""


def base_hash(weights: Weights) -> str:
    """Hash of all parameters: 32 hexadecimal digits, the same on every device and in every order.

    blake2b over the sorted (name, blake2b(dtype, shape, bytes)). A tied parameter counts once, under its last
    name in the alphabet; a model's buffers do not count. Reads every weight on one core, anew in each call:
    weights change in place, so that no remembered hash could be trusted.

    >>> model = nn.Linear(2, 1)
    >>> base_hash(model) == base_hash(model.state_dict()) != base_hash(nn.Linear(2, 1))
    True
    """
    return joined(digests(parameters(weights)[1]))


def parameters(weights: Weights, names: Names | None = None) -> tuple[Names, dict[str, Tensor]]:
    """The name that counts for each name of a parameter, and the parameters under the names that count."""
    if isinstance(weights, Engine):
        weights = weights.model
    if isinstance(weights, nn.Module):
        weights = dict(weights.named_parameters(remove_duplicate=False))
    if names is None:
        # what is tied shares memory, one object or not; only memory that exists has an address
        places = {name: (x.data_ptr() or id(x), x.shape, x.stride()) for name, x in weights.items()}
        last = {places[name]: name for name in sorted(weights)}
        names = {name: last[place] for name, place in places.items()}
    found: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        same = found.setdefault(names.get(name, name), tensor)
        if same is not tensor and not torch.equal(same.cpu(), tensor.cpu()):
            raise BadOption(f"{name} and {names[name]} are tied on one side only; tie both or neither")
    return names, found


def kind(tensor: Tensor) -> str:
    """What must agree before two tensors can be compared, in words."""
    return f"{tensor.dtype} of shape {tuple(tensor.shape)}"


def digests(tensors: Mapping[str, Tensor]) -> dict[str, bytes]:
    """Digest of each tensor's kind and bytes."""
    begun = {name: blake2b(kind(tensor).encode(), digest_size=16) for name, tensor in tensors.items()}
    for name, tensor in tensors.items():  # one at a time on the CPU
        begun[name].update(tensor.detach().cpu().flatten().contiguous().view(torch.uint8).numpy().data)
    return {name: digest.digest() for name, digest in begun.items()}


def joined(by_name: Mapping[str, bytes]) -> str:
    """One digest of all, in 32 hexadecimal digits, whatever their order."""
    whole = blake2b(digest_size=16)
    for name in sorted(by_name):
        whole.update(name.encode() + b"\0" + by_name[name])
    return whole.hexdigest()
