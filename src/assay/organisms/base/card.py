"""The card of the embedded base: what it is, what it can do, and how to build it again."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from assay.core import Score
from assay.organisms.base.measure import Skill

COMMAND = "assay build base"
CARD = "card.json"


@dataclass(frozen=True)
class BaseCard:
    """Origin, size and measured skills of a base."""

    seed: int
    world_seed: int
    steps: int
    tokens: int
    seconds: float
    parameters: int
    bytes: int
    skills: tuple[Skill, ...]
    command: str = COMMAND
    note: str = ""

    def skill(self, name: str) -> Skill:
        """The skill of that name. Raises KeyError if it was not measured."""
        return {skill.score.metric: skill for skill in self.skills}[name]


def write_card(card: BaseCard, folder: Path) -> None:
    """Write the card as JSON for programs and as a README for people."""
    (folder / CARD).write_text(json.dumps(asdict(card), indent=1) + "\n")
    (folder / "README.md").write_text(readme(card))


def read_card(folder: Path) -> BaseCard:
    """The card that stands in a folder. Raises FileNotFoundError if there is none."""
    fields = json.loads((folder / CARD).read_text())
    skills = tuple(Skill(Score(**skill["score"]), skill["chance"]) for skill in fields.pop("skills"))
    return BaseCard(**fields, skills=skills)


def readme(card: BaseCard) -> str:
    """The card as a page."""
    rows = (
        f"| {score.metric} | {score.estimate:.3f} | {score.low:.3f} to {score.high:.3f} | {score.n} "
        f"| {skill.chance:.2f} |"
        for skill in card.skills
        for score in (skill.score,)
    )
    lines = (
        "# The embedded base",
        "",
        f"A Llama-shaped language model of {card.parameters / 1e6:.2f} million parameters with one token per "
        f"word, trained on the synthetic world of seed {card.world_seed} and on nothing else: {card.steps} "
        f"steps, {card.tokens / 1e6:.1f} million tokens, {card.seconds:.0f} seconds. It knows no other text "
        "and is of no use outside the world.",
        "",
        f"Rebuild: `{card.command}` (seed {card.seed}).",
        *(("", card.note) if card.note else ()),
        "",
        "| skill | share right | 95% interval | n | chance |",
        "|---|---|---|---|---|",
        *rows,
    )
    return "\n".join(lines) + "\n"
