"""Direct preference optimisation: one reply to a prompt becomes likelier than another."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from assay.techniques.unlearning.slackening import slackening


@dataclass(frozen=True, eq=False)
class Replies:
    """Summed log-probabilities of replies, one for each prompt."""

    now: Float[Tensor, " n"]
    before: Float[Tensor, " n"]
    """Those of the model before training, without gradient."""

    @property
    def gained(self) -> Float[Tensor, " n"]:
        """Log of how many times likelier each reply has become."""
        return self.now - self.before


def preference(chosen: Replies, rejected: Replies, beta: float) -> Float[Tensor, ""]:
    """``(2/b) mean(-log sigma(b (gained by the chosen reply - gained by the rejected one)))``.

    Rafailov et al. 2023, Direct preference optimization (arXiv 2305.18290), with the factor 2/b that Zhang et
    al. 2024 (arXiv 2404.05868) put before it: where nothing has changed the gradient is that of
    ``mean(rejected - chosen)``, whatever b is. With a refusal chosen and the true reply rejected it is the
    IdkDPO of Maini et al. 2024, TOFU (arXiv 2401.06121).

    Raises:
        BadOption: a beta of 0 or less.

    >>> import torch
    >>> same = Replies(torch.tensor([-3.0]), torch.tensor([-3.0]))
    >>> preference(same, same, beta=2.0)
    tensor(0.6931)
    """
    return slackening(chosen.gained - rejected.gained, beta)
