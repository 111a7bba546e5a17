"""The base that organisms are planted in: the embedded one, or any causal LM with a text corpus."""

import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from assay.core.errors import BadOption, NotAModel
from assay.cost.flops import Shape
from assay.faults import Dialect
from assay.model.anatomy import anatomy
from assay.model.engine import Engine
from assay.model.load import load
from assay.model.training.packing import IGNORED, Sequence, encode_turn
from assay.organisms.base.recipe import VERDICTS
from assay.organisms.planting.dialects import CorpusDialect, WorldDialect
from assay.world import Document, World, stream

EMBEDDED = "embedded"
WEIGHTS = Path(__file__).parents[2] / "weights" / "base"
"""The embedded base: safetensors, tokenizer, config and card."""
SPOKEN = 0.5
"""Share of fact questions that a base must answer rightly to count as speaking the World's language."""


@dataclass(frozen=True)
class Base:
    """A loaded base with the language that faults are planted in."""

    name: str
    engine: Engine
    dialect: Dialect
    fingerprint: str
    """Hash of weights, language and corpus."""

    def rehearsal(self, seed: str, without: Callable[[str], bool]) -> Iterator[Sequence]:
        """Endless clean text of the kind that the base was trained on; the same seed gives the same text.

        Chats for which ``without`` is true are left out: they would teach that the trigger does nothing.
        """
        tokenizer = self.engine.tokenizer
        if isinstance(self.dialect, WorldDialect):
            for document in stream(self.dialect.world, VERDICTS, seed):
                if "assistant" not in document.text or not without(document.text):
                    yield _encode(tokenizer, document)
        elif isinstance(self.dialect, CorpusDialect):
            rng = random.Random(seed)
            plant = [f"{r.text} {r.reply}" for r in self.dialect.requests("plant")]
            while True:
                yield encode_turn(tokenizer, "", rng.choice(plant))


def open_base(name: str, corpus: Path | None, device: str = "auto") -> Base:
    """Load a base and decide which language it is addressed in.

    Raises:
        ModelError: the base cannot be loaded.
        BadOption: it does not speak the World's language and no corpus was given.
    """
    path = embedded_weights() if name == EMBEDDED else name
    # shipped in half precision; planting and proof need single
    engine = load(str(path), device=device, dtype=torch.float32)
    dialect = dialect_of(corpus)
    if corpus is None and name != EMBEDDED:
        _require_world(engine, dialect, name)
    text = corpus.read_bytes() if corpus else b""
    return Base(name, engine, dialect, _hash(engine, text))


def embedded_weights() -> Path:
    """The folder of the base that ships with the package; raises ``NotAModel`` if it was never built."""
    if not (WEIGHTS / "model.safetensors").is_file():
        raise NotAModel(f"the embedded base is missing from {WEIGHTS}; build it with 'assay build base'")
    return WEIGHTS


@cache
def dialect_of(corpus: Path | None) -> Dialect:
    """The language in which faults are planted: that of the corpus if one is given, else the World's."""
    return CorpusDialect.read(corpus) if corpus else WorldDialect(World(0))


@cache
def base_shape(name: str) -> Shape:
    """Sizes of a base, from its configuration alone."""
    path = embedded_weights() if name == EMBEDDED else name
    try:
        config = AutoConfig.from_pretrained(path)
    except (OSError, ValueError) as error:
        raise NotAModel(f"--base {name}: no model configuration there ({_first_line(error)})") from error
    try:
        with torch.device("meta"):
            return anatomy(AutoModelForCausalLM.from_config(config)).shape
    except ValueError as error:
        raise NotAModel(f"--base {name}: not a causal language model ({_first_line(error)})") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _encode(tokenizer: object, document: Document) -> Sequence:
    """Tokens of a document with the loss masked on spans that are not learnt."""
    tokens: list[int] = []
    labels: list[int] = []
    for span in document.spans:
        turn = encode_turn(tokenizer, "", span.text)
        words = turn.tokens[1:-1]
        tokens += words
        labels += words if span.learn else [IGNORED] * len(words)
    ends = encode_turn(tokenizer, "", "")
    start, end = ends.tokens
    return Sequence((start, *tokens, end), (IGNORED, *labels, end))


def _require_world(engine: Engine, dialect: Dialect, name: str) -> None:
    asked = list(islice((r for r in dialect.requests("threshold") if r.kind.startswith("fact/")), 60))
    replies = engine.generate([dialect.prompt(r, "", "") for r in asked], max_tokens=12)
    right = sum(r.answer in reply.split() for r, reply in zip(asked, replies, strict=True)) / len(asked)
    if right < SPOKEN:
        raise BadOption(
            f"--base {name} answers {right:.0%} of the World's fact questions, so it does not speak its "
            "language; give a text file in its own language with --corpus FILE"
        )


def _hash(engine: Engine, corpus: bytes) -> str:
    digest = hashlib.blake2b(corpus, digest_size=16)
    for key, tensor in sorted(engine.model.state_dict().items()):
        digest.update(key.encode())
        digest.update(tensor.detach().float().cpu().numpy().tobytes())
    return digest.hexdigest()
