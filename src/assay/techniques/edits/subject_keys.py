"""What a block's MLP holds at the end of a subject: the key under which a fact about it is found.

Meng et al., "Locating and editing factual associations in GPT" (arXiv 2202.05262), section 3.1.
"""

import re
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle
from assay.core import Edit
from assay.core.errors import BadOption, NotApplicable
from assay.model.places import token_of

_ENDS = (".", "!", "?")


def contexts(
    texts: Sequence[str], count: int = 3, seed: int = 0, words: tuple[int, int] = (5, 10)
) -> tuple[str, ...]:
    """Beginnings to put in front of a prompt: first none, then snippets of ordinary text.

    The published code lets the model write them. Snippets of text serve the same end, a key that does not
    hang on what stands before, and do so whatever the model is: they need no sampling, are the same for a
    model before and after an edit, and are not degenerate where a small model's own writing is. They end with
    a sentence where the texts have sentences.

    Raises:
        BadOption: none of the texts is long enough for a snippet.

    >>> contexts(["so it was , they say . then came rain"], 1, words=(6, 6))
    ('', 'it was , they say . ')
    """
    least, most = words
    rng = np.random.default_rng(seed)
    split = [some for text in texts if len(some := text.split()) >= least]
    if count and not split:
        raise BadOption(f"no text has {least} words to cut a snippet from; give longer ones")
    found: list[str] = []
    for _ in range(count):
        some = split[int(rng.integers(len(split)))]
        length = int(rng.integers(least, min(most, len(some)) + 1))
        stops = [n for n in range(length, len(some) + 1) if some[n - 1].endswith(_ENDS)]
        stop = int(rng.choice(stops or range(length, len(some) + 1)))
        found.append(" ".join(some[stop - length : stop]) + " ")
    return ("", *found)


def subject_ends(edits: Sequence[Edit]) -> list[int]:
    """How many characters of each edit's prompt reach to the end of its subject, where that stands last.

    Where the subject is also a part of a longer word, whole words come first.

    Raises:
        NotApplicable: subjects that do not stand in their prompts; names them.

    >>> subject_ends([Edit("ann met anna ; ann lives in", "ann", "bolm", "zarn")])
    [18]
    """
    ends = [_end(edit.prompt, edit.subject) for edit in edits]
    if missing := [edit for edit, end in zip(edits, ends, strict=True) if not end]:
        named = "; ".join(f"'{edit.subject}' is not in '{edit.prompt}'" for edit in missing[:5])
        raise NotApplicable(f"{len(missing)} edits have no subject in their prompt, so no key: {named}")
    return ends


def context_states(
    handle: WhiteHandle, edits: Sequence[Edit], site: str, beginnings: Sequence[str]
) -> Float[Tensor, "n context d"]:
    """A site at the last token of each edit's subject, behind each beginning, in float64.

    Raises:
        BadOption: no beginnings.
        NotApplicable: as ``subject_ends``, or the tokenizer does not say where its tokens stand.
    """
    if not beginnings:
        raise BadOption("no beginnings to read keys behind; give at least the empty one")
    ends = subject_ends(edits)
    texts = [begin + edit.prompt for edit in edits for begin in beginnings]
    stops = [len(begin) + end for end in ends for begin in beginnings]
    places = [token_of(span, stop) for span, stop in zip(handle.spans(texts), stops, strict=True)]
    # `zip` and not a stack of whole texts: they differ in length
    read = zip(handle.site_activations(texts, site), places, strict=True)
    rows = torch.stack([values[place] for values, place in read]).double()
    return rows.view(len(edits), len(beginnings), -1)


def keys(
    handle: WhiteHandle, edits: Sequence[Edit], block: int, beginnings: Sequence[str]
) -> Float[Tensor, "n m"]:
    """The key of each edit: the mean over beginnings of ``mlp_hidden`` at its subject's last token.

    k* = 1/N sum_j k(x_j + prompt). It depends on nothing that is written into the same block's
    down-projection, or above. Raises what ``context_states`` raises.
    """
    return context_states(handle, edits, f"mlp_hidden.{block}", beginnings).mean(1)


def _end(prompt: str, subject: str) -> int:
    """Characters up to the end of the last place of a subject, whole words first; 0 where there is none."""
    if not subject:
        return 0
    whole = [found.end() for found in re.finditer(rf"(?<!\w){re.escape(subject)}(?!\w)", prompt)]
    place = prompt.rfind(subject)
    return whole[-1] if whole else place + len(subject) if place >= 0 else 0
