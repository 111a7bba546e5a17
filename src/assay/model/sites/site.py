"""Names of the places inside a model that can be read and changed; they mean the same in every family."""

from dataclasses import dataclass

from assay.core.errors import BadOption

WHOLE = ("embed", "positions", "logits")
"""Sites of which a model has one: token embedding, learned positions added to it, logits."""
STREAM = (
    "resid_pre",
    "attn_in",
    "attn_out",
    "resid_mid",
    "mlp_in",
    "mlp_hidden",
    "mlp_out",
    "resid_post",
)
"""Sites of which every layer has one, in the order of a sequential block.

``resid_*`` is the residual stream before, between and after the two halves of a block; ``*_in`` enters a half
after its norm; ``mlp_hidden`` enters the last matrix of the MLP; ``*_out`` is what a half adds to the stream.
"""
HEADS = ("q", "k", "v", "pattern", "z")
"""Sites of which every head has one.

``q``, ``k`` and ``v`` come out of their matrices, before norms and rotation; ``pattern`` is what a head
attends to, "query key"; ``z`` is the mixture of values, which enters the output matrix.
"""


@dataclass(frozen=True, order=True)
class Site:
    """A place: kind, layer (from 0) and, for a single head, its number.

    >>> Site.parse("z.2.5")
    Site(kind='z', layer=2, head=5)
    >>> str(Site("resid_post", 3)), str(Site("embed"))
    ('resid_post.3', 'embed')
    """

    kind: str
    layer: int | None = None
    head: int | None = None

    def __str__(self) -> str:
        return ".".join(str(part) for part in (self.kind, self.layer, self.head) if part is not None)

    @property
    def is_stream(self) -> bool:
        """Whether the site lies around the blocks and not inside them."""
        return self.kind in ("embed", "logits", "resid_pre", "resid_post")

    @classmethod
    def stream(cls, layer: int) -> "Site":
        """The residual stream after so many blocks: 0 is what enters the first."""
        return cls("resid_post", layer - 1) if layer else cls("resid_pre", 0)

    @classmethod
    def parse(cls, name: "str | Site") -> "Site":
        """Read a name; raises BadOption for one that no model could have."""
        if isinstance(name, Site):
            return name
        kind, *numbers = name.split(".")
        most = 0 if kind in WHOLE else 1 if kind in STREAM else 2 if kind in HEADS else None
        if most is None or len(numbers) > most or not all(number.isdecimal() for number in numbers):
            raise BadOption(
                f"'{name}' names no site; give one of {', '.join(WHOLE)}, one of {', '.join(STREAM)} with a "
                f"layer (resid_post.3), or one of {', '.join(HEADS)} with a layer and perhaps a head (z.3.1)"
            )
        if most and not numbers:
            raise BadOption(f"site '{name}' lacks its layer; give for example {name}.0")
        return cls(kind, *map(int, numbers))
