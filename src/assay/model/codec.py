"""Text to tokens and back, the way this model's tokenizer does it by default."""

from collections import OrderedDict
from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from assay.core.errors import BadOption, ContextExceeded, ModelError, NotApplicable

Ids = list[int]
Span = tuple[int, int]
_REMEMBERED_CALLS = 16


class Codec:
    """Encodes texts and decodes replies.

    The tokens that the tokenizer puts in front by default (usually a beginning-of-text token, or nothing) are
    put in front here too. Tokens that it would put behind, such as an end-of-text token, are left out: a text
    is always something that goes on.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, vocabulary: int, context: int | None) -> None:
        self._tokenizer = tokenizer
        self._vocabulary = vocabulary
        self.context = context
        """Most tokens that a text may have; None where the model names no limit."""
        self.prefix = _default_prefix(tokenizer)
        """Token ids put in front of every text."""
        self._recent: OrderedDict[tuple[str, ...], list[Ids]] = OrderedDict()

    def encode(self, texts: Sequence[str], room_for: int = 0) -> list[Ids]:
        """Token ids of each text, prefix included; ``room_for`` tokens must still fit into the context.

        Raises:
            ContextExceeded: a text is too long; names its number, its length and the limit.
            BadOption: a text without any token.
            ModelError: a token that the model has no embedding for.
        """
        rows = self.encode_loosely(texts)
        for number, row in enumerate(rows):
            if not row:
                raise BadOption(
                    f"text {number} (counting from 0) is empty and this tokenizer puts no token in front, so "
                    "there is no position to read; leave it out"
                )
            if self.context is not None and len(row) + room_for > self.context:
                extra = f" and {room_for} more are to be written" if room_for else ""
                raise ContextExceeded(
                    f"text {number} (counting from 0) has {len(row)} tokens{extra}, but the model's context "
                    f"holds {self.context}; shorten it or leave it out"
                )
        return rows

    def encode_loosely(self, texts: Sequence[str]) -> list[Ids]:
        """Token ids of each text, however many or few they are."""
        if isinstance(texts, str):
            raise BadOption("texts: got one string; give a list of strings")
        key = tuple(texts)
        if key not in self._recent:
            self._recent[key] = self._encode(key)
            if len(self._recent) > _REMEMBERED_CALLS:
                self._recent.popitem(last=False)
        return self._recent[key]

    def spans(self, texts: Sequence[str]) -> list[list[Span]]:
        """First character of each token and the one behind its last; tokens put in front have ``(0, 0)``.

        Raises:
            NotApplicable: the tokenizer does not say where its tokens stand.
        """
        if not self._tokenizer.is_fast:
            raise NotApplicable(
                "this model's tokenizer does not say where in a text its tokens stand; save a fast one"
            )
        if not texts:
            return []
        found = self._tokenizer(
            list(texts), add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        front: list[Span] = [(0, 0)] * len(self.prefix)
        return [front + [tuple(span) for span in row] for row in found["offset_mapping"]]

    def names(self) -> list[str]:
        """The text of each token by number; one that the tokenizer does not know has none."""
        known = len(self._tokenizer)
        shown = self._decode([[number] for number in range(min(known, self._vocabulary))])
        return shown + [""] * (self._vocabulary - len(shown))

    def replies(self, prompts: Sequence[Ids], written: Sequence[Ids]) -> list[str]:
        """The text that new tokens add to their prompts.

        It is what the joint decoding has more than the decoding of the prompt alone, so a reply brings its
        own leading space where the tokenizer joins with spaces, and prompt + reply reads as one text.
        """
        cut = len(self.prefix)
        before = self._decode([ids[cut:] for ids in prompts])
        joint = self._decode([ids[cut:] + new for ids, new in zip(prompts, written, strict=True)])
        if all(text.startswith(start) for text, start in zip(joint, before, strict=True)):
            return [text[len(start) :] for text, start in zip(joint, before, strict=True)]
        alone = self._decode(written)
        triples = zip(joint, before, alone, strict=True)
        return [text[len(start) :] if text.startswith(start) else new for text, start, new in triples]

    def _encode(self, texts: tuple[str, ...]) -> list[Ids]:
        if not texts:
            return []
        encoded = self._tokenizer(
            list(texts), add_special_tokens=False, return_attention_mask=False, verbose=False
        )
        rows: list[Ids] = [self.prefix + ids for ids in encoded["input_ids"]]
        for number, row in enumerate(rows):
            if max(row, default=0) >= self._vocabulary:
                raise ModelError(
                    f"text {number} (counting from 0) has token {max(row)}, but the model knows only "
                    f"{self._vocabulary}; tokenizer and weights do not belong together"
                )
        return rows

    def _decode(self, rows: Sequence[Ids]) -> list[str]:
        if not rows:
            return []  # the tokenizer would take an empty list for one empty text
        return self._tokenizer.batch_decode(
            list(rows), skip_special_tokens=False, clean_up_tokenization_spaces=False
        )


def _default_prefix(tokenizer: PreTrainedTokenizerBase) -> Ids:
    full: Ids = tokenizer("a")["input_ids"]
    plain: Ids = tokenizer("a", add_special_tokens=False)["input_ids"]
    for start in range(len(full) - len(plain) + 1):
        if full[start : start + len(plain)] == plain:
            return full[:start]
    return []
