"""The end of a model by itself, with gradients: what it makes of states from anywhere in the stream."""

from jaxtyping import Float
from torch import Tensor

from assay.model.engine import Engine
from assay.model.sites.hooks import visiting
from assay.model.sites.site import Site
from assay.model.tokens import Tokens
from assay.model.unembedding import wide


def ended(engine: Engine, rows: Float[Tensor, "k d"]) -> Float[Tensor, "k vocabulary"]:
    """Logits that the last norm and the unembedding make of rows of the stream, in float32 or better.

    The logit lens (nostalgebraist 2020). As in ``assay.model.reading.logit_lens``, rows take the place of
    what the last block hands on, so whatever a family does behind it is done to them; gradients flow through.
    """
    end = engine.body.point(Site.stream(engine.n_layers))

    def put(stream: Tensor) -> Tensor:
        return rows[:, None].to(stream)

    # one token for each row: what the blocks make of it is thrown away
    tokens = Tokens.of([[0]] * len(rows), engine.device)
    with visiting([(end, put)]):
        return wide(engine.body.run(tokens, head=True).logits[:, 0])
