"""What the residual stream would say if the model ended there."""

import torch
from jaxtyping import Float
from torch import Tensor

from assay.core.errors import BadOption
from assay.model.engine import Engine
from assay.model.sites.hooks import visiting
from assay.model.sites.site import Site
from assay.model.tokens import Tokens
from assay.model.unembedding import wide

_ROWS = 256


def logit_lens(engine: Engine, rows: Float[Tensor, "n d"]) -> Float[Tensor, "n vocabulary"]:
    """Log-probabilities that the last norm and the unembedding make of rows of the residual stream.

    ``log softmax(head(norm(row)))``, nostalgebraist 2020, "interpreting GPT: the logit lens". The rows take
    the place of what the last block hands on, so whatever a family does behind it (scaling, soft caps) is
    done to them. Float32 on the CPU. Raises BadOption for rows of another width.
    """
    if rows.ndim != 2 or rows.shape[1] != engine.width:
        raise BadOption(f"rows of shape {tuple(rows.shape)} are no residual stream of {engine.width} numbers")
    end = engine.body.point(Site.stream(engine.n_layers))
    found: list[Tensor] = []
    with engine.inference():
        for part in rows.split(_ROWS) if len(rows) else ():

            def put(stream: Tensor, part: Tensor = part) -> Tensor:
                return part[:, None].to(stream)

            # one token for each row: what the blocks make of it is thrown away
            tokens = Tokens.of([[0]] * len(part), engine.device)
            with visiting([(end, put)]):
                logits = wide(engine.body.run(tokens, head=True).logits[:, 0])
            found.append(torch.log_softmax(logits, -1).float().cpu())
    return torch.cat(found) if found else torch.zeros(0, engine.vocabulary)
