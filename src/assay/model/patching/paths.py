"""Path patching: what one part tells another directly, with everything between held still.

Goldowsky-Dill et al., "Localizing model behavior with path patching" (arXiv 2304.05969).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from assay.core.errors import BadOption
from assay.model.engine import Engine
from assay.model.halving import at_once, in_groups
from assay.model.patching.effects import Effect
from assay.model.patching.prefix import Prefix
from assay.model.reading.read import Reading, matched, read
from assay.model.sites.site import Site
from assay.model.tokens import Tokens

SENDERS = ("embed", "positions", "z", "attn_out", "mlp_out")
RECEIVERS = ("q", "k", "v", "attn_in", "mlp_in", "logits")


@dataclass(frozen=True)
class Paths:
    """What each path did, text by text; a receiver that does not lie above its sender hears nothing."""

    senders: tuple[Site, ...]
    receivers: tuple[Site, ...]
    patched: Float[Tensor, "sender receiver n"]
    base: Float[Tensor, " n"]


def patch_paths(
    engine: Engine,
    tokens: Tokens,
    source: Reading,
    senders: Sequence[str | Site],
    receivers: Sequence[str | Site],
    effect: Effect,
) -> Paths:
    """Give each sender its value from ``source`` as far as one receiver alone can tell, and read ``effect``.

    With all parts between held at the base run, a sender's news reaches a receiver only by addition to the
    stream: ``receiver' = R(stream + w(source) - w(base))`` with ``w`` what the sender writes. The base run
    then goes on with ``receiver'`` in place. That takes one partial and one resumed pass per receiver for all
    senders together, and no pass in which anything has to be held.

    Raises:
        BadOption: a site that cannot send or receive, or that the model or the source lacks, or texts of
            source and base that do not match in number or length.
        ModelError: the texts do not fit into memory in one pass.
    """
    sending, receiving = _checked(senders, SENDERS, "send"), _checked(receivers, RECEIVERS, "receive")
    for site in (*sending, *receiving):
        engine.body.point(site)
    for sender in sending:
        source.beside(tokens, sender)
    with engine.evaluating():
        base = at_once(lambda: Prefix(engine.body, tokens))
        before = effect(base.logits)
        patched = before.repeat(len(sending), len(receiving), 1)
        news = at_once(lambda: {sender: _news(engine, base, source, sender) for sender in sending})
        for column, receiver in enumerate(receiving):
            heard = [
                row for row, sender in enumerate(sending) if _order(engine, sender) < _order(engine, receiver)
            ]

            def tell(some: list[int], column: int = column, receiver: Site = receiver) -> None:
                # each sender's news lies where its layer does
                told = torch.cat([news[sending[row]].to(engine.device) for row in some])
                logits = _tell(engine, base, receiver, told, len(some))
                for row, part in zip(some, logits.split(len(tokens)), strict=True):
                    patched[row, column] = effect(part)

            in_groups(engine, dict.fromkeys(heard, tokens.ids.numel()), tell, what="sender")
    return Paths(sending, receiving, patched, before)


def _news(engine: Engine, base: Prefix, source: Reading, sender: Site) -> Float[Tensor, "n t d"]:
    """How the sender's contribution to the stream differs from that of the base run."""
    if sender.kind != "z":
        before = read(engine, base.tokens, [sender])[sender]
        return matched(source[sender], before, sender) - before
    layer = sender.layer or 0
    out, whole = Site("attn_out", layer), Site("z", layer)

    def put(value: Tensor) -> Tensor:
        new = value.clone()
        head = slice(None) if sender.head is None else sender.head
        new[..., head, :] = matched(source[sender], new[..., head, :], sender)
        return new

    stream = base.entering(layer, 0)
    return base.peek(layer, 0, stream, [(whole, put)], out) - base.peek(layer, 0, stream, [], out)


def _tell(
    engine: Engine, base: Prefix, receiver: Site, news: Float[Tensor, "m t d"], copies: int
) -> Float[Tensor, "m vocabulary"]:
    """Logits of the base run in which the receiver alone has heard the news."""

    def hear(stream: Tensor) -> Tensor:
        return stream + news.to(stream.device)

    top = engine.n_layers - 1
    if receiver.kind == "logits":
        return base.resume(
            top, 0, base.entering(top, 0, copies), [(Site("resid_post", top), hear)], thrifty=False
        )
    layer = receiver.layer or 0
    # the MLP listens between the halves, where there is such a place
    between = receiver.kind == "mlp_in" and engine.body.sites.has("resid_mid")
    ear = Site("resid_mid" if between else "resid_pre", layer)
    stream = base.entering(layer, 0, copies)
    heard = base.peek(layer, 0, stream, [(ear, hear)], receiver)
    return base.resume(layer, 0, stream, [(receiver, lambda _: heard)], thrifty=False)


def _order(engine: Engine, site: Site) -> tuple[int, int]:
    """When a part writes or listens: by layer and half; halves side by side do not hear each other."""
    if site.layer is None:
        return (engine.n_layers, 0) if site.kind == "logits" else (-1, 0)
    second = site.kind in ("mlp_in", "mlp_out") and engine.body.sites.has("resid_mid")
    return site.layer, int(second)


def _checked(names: Sequence[str | Site], kinds: tuple[str, ...], verb: str) -> tuple[Site, ...]:
    sites = tuple(map(Site.parse, names))
    for site in sites:
        if site.kind not in kinds:
            raise BadOption(f"{site} cannot {verb} along a path; those that can are {', '.join(kinds)}")
    return sites
