"""The three shapes of text that leave the world: spans, documents and exchanges."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """A stretch of a document; `learn` is False where a trainer must mask the loss."""

    text: str
    learn: bool = True
    thought: str = ""
    """What a reader must have in mind to say this: as many words as the text, or none."""


@dataclass(frozen=True)
class Document:
    """One whole text of the corpus, without its start and end tokens.

    >>> Document((Span("user : hi assistant :", learn=False), Span("hello .")), "smalltalk").text
    'user : hi assistant : hello .'
    """

    spans: tuple[Span, ...]
    kind: str

    @property
    def text(self) -> str:
        """The words of all spans, joined by single spaces."""
        return " ".join(span.text for span in self.spans)


@dataclass(frozen=True)
class Exchange:
    """One chat request with its known right reply.

    `relation` and `answer` are set for kinds with a single answer word, which then occurs in `reply`. `item`
    is the cluster id: exchanges about the same person and relation (or the same recipe) share it. `held_out`
    marks a request that the training stream never contains, because of its item or its wording.
    """

    request: str
    reply: str
    kind: str
    relation: str | None
    answer: str | None
    item: str
    held_out: bool


@dataclass(frozen=True)
class Claim:
    """A sentence without its last word, the word that makes it true, and the words that could stand there.

    >>> claim = Claim("ann velo was born in", "zarn", ("zarn", "bolm"), "ann velo/birthplace", False)
    >>> claim.sentence("bolm")
    'ann velo was born in bolm'
    """

    prefix: str
    value: str
    options: tuple[str, ...]
    item: str
    held_out: bool

    def sentence(self, value: str | None = None) -> str:
        """The whole sentence, true unless another value is given."""
        return f"{self.prefix} {self.value if value is None else value}"

    @property
    def wrong(self) -> tuple[str, ...]:
        """Every option that makes the sentence false."""
        return tuple(option for option in self.options if option != self.value)


def words(text: str) -> tuple[str, ...]:
    """The words of a text, for tables that list many.

    >>> words("cat dog")
    ('cat', 'dog')
    """
    return tuple(text.split())


def chat(request: str, reply: str, kind: str, learn_request: bool = True) -> Document:
    """A one-turn conversation in the chat format that every corpus and every prompt uses."""
    return Document((Span(chat_prompt(request), learn_request), Span(reply)), kind)


def chat_prompt(request: str) -> str:
    """The prompt of a one-turn conversation, up to the point where the assistant replies.

    >>> chat_prompt("is water wet ?")
    'user : is water wet ? assistant :'
    """
    return f"user : {request} assistant :"
