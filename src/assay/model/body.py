"""A model opened up: its parts, its sites, and the pass that is running through it."""

import inspect
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from transformers import PreTrainedModel

from assay.core.errors import NotApplicable
from assay.model.anatomy import anatomy
from assay.model.rotation import Rotations
from assay.model.sites.hooks import Visit, visiting
from assay.model.sites.moment import Moment
from assay.model.sites.site import Site
from assay.model.sites.sitemap import Point, SiteMap
from assay.model.sites.verify import problems
from assay.model.tokens import Tokens
from assay.model.wrapped import modules_of, refuse_wrapped


class _Enough(Exception):
    """Ends a pass once everything wanted has been seen; always caught here."""


class Body:
    """What white-box functions work on; texts and replies are the Engine's."""

    def __init__(self, model: PreTrainedModel) -> None:
        refuse_wrapped(modules_of(model))
        self.model = model
        self.parts = anatomy(model)
        self._map = SiteMap(model, self.parts)
        self.rotations = Rotations(modules_of(model))
        self._moment: Moment | None = None

    @property
    def device(self) -> torch.device:
        """Where token ids go in."""
        return self.parts.embedding.device

    def settle(self) -> None:
        """Bring the model into evaluation mode; raises ModelError if it has been wrapped since."""
        modules = modules_of(self.model)
        refuse_wrapped(modules)
        if any(module.training for module in modules):
            self.model.eval()

    @property
    def sites(self) -> SiteMap:
        """All sites, checked once by running.

        Raises:
            NotApplicable: the family's blocks are not understood; says what to supply.
        """
        if isinstance(self._checked, NotApplicable):
            raise self._checked
        return self._checked

    def check(self) -> None:
        """Check the sites while nothing is changed; what is wrong with them is told by ``sites``."""
        _ = self._checked

    @cached_property
    def _checked(self) -> SiteMap | NotApplicable:
        self.settle()
        ids = torch.arange(4, device=self.device)[None] % len(self.parts.embedding)
        tokens = Tokens.of(ids.tolist(), self.device)
        try:
            with torch.no_grad():
                wrong = problems(
                    self._map,
                    lambda sites: self._captured(tokens, {site: self._map.point(site) for site in sites}),
                )
        except NotApplicable as error:
            return error
        return self._map.without(*wrong)

    def point(self, name: str | Site) -> Point:
        """Where a site is; raises BadOption for one that the model lacks, and lists those it has."""
        site = Site.parse(name)
        # the stream itself is there whether or not the inside of the blocks is understood
        return (self._map if site.is_stream else self.sites).point(site)

    @property
    def moment(self) -> Moment:
        """The pass that is running; raises NotApplicable outside of one."""
        if self._moment is None:
            raise NotApplicable(
                "positions are known in passes that Assay runs, not in calls of the bare model"
            )
        return self._moment

    @contextmanager
    def at(self, moment: Moment) -> Generator[None]:
        """Say which tokens the pass inside is about."""
        before, self._moment = self._moment, moment
        try:
            with self.rotations.by_text(moment):
                yield
        finally:
            self._moment = before

    @contextmanager
    def frozen(self) -> Generator[None]:
        """Take no gradients of weights inside; flags are put back afterwards."""
        flags = [(weight, weight.requires_grad) for weight in self.model.parameters()]
        try:
            self.model.requires_grad_(False)
            yield
        finally:
            for weight, flag in flags:
                weight.requires_grad_(flag)

    def run(self, tokens: Tokens, *, head: bool = False, **options: Any) -> Any:
        """One plain pass over right-padded texts, through the unembedding only where ``head``."""
        run: Any = self.model if head else self.parts.trunk
        with self.at(tokens.moment):
            return run(input_ids=tokens.ids, use_cache=False, **options)

    def step(
        self,
        ids: Int[Tensor, "n t"],
        mask: Bool[Tensor, "n seen"],
        positions: Int[Tensor, "n t"],
        cache: Any,
        *,
        head: bool = True,
    ) -> Any:
        """One pass over what comes next, behind the keys and values of a cache, which takes in its own.

        The mask says which of all tokens so far are real; padding may stand anywhere.
        """
        run: Any = self.model if head else self.parts.trunk
        where = {"position_ids": positions} if self._takes_positions else {}
        return run(input_ids=ids, attention_mask=mask.long(), past_key_values=cache, use_cache=True, **where)

    @cached_property
    def _takes_positions(self) -> bool:
        return "position_ids" in inspect.signature(self.model.forward).parameters

    def capture(self, tokens: Tokens, sites: Sequence[Site]) -> dict[Site, Tensor]:
        """The values of sites at all positions, from a pass that ends after the last of them.

        They are what the model computed, not copies, and hold whatever it makes of padding.

        Raises:
            BadOption: a site that the model lacks.
            NotApplicable: the pass ran to its end without meeting a site.
        """
        return self._captured(tokens, {site: self.point(site) for site in sites})

    def _captured(self, tokens: Tokens, sites: Mapping[Site, Point]) -> dict[Site, Tensor]:
        head = any(site.kind == "logits" for site in sites)
        return self.until(sites, len(tokens), lambda: self.run(tokens, head=head))

    def until(self, sites: Mapping[Site, Point], texts: int, run: Callable[[], Any]) -> dict[Site, Tensor]:
        """The values of sites in any pass over so many texts, which ends after the last of them.

        Raises:
            NotApplicable: the pass ran to its end without meeting a site.
        """
        seen: dict[Site, Tensor] = {}

        def keeper(site: Site) -> Visit:
            def keep(value: Tensor) -> None:
                # learned positions come once for all texts
                seen[site] = value if len(value) == texts else value.expand(texts, *value.shape[1:])
                if len(seen) == len(sites):
                    raise _Enough

            return keep

        with visiting((point, keeper(site)) for site, point in sites.items()):
            try:
                run()
            except _Enough:
                return seen
        missing = ", ".join(str(site) for site in sites if site not in seen)
        raise NotApplicable(f"{type(self.model).__name__}: the pass ended without reaching {missing}")


def at_places(values: Tensor, places: Int[Tensor, " n"]) -> Tensor:
    """One position of each text."""
    rows = torch.arange(len(places), device=values.device)
    return values[rows, places.to(values.device)]
