"""The word-level tokenizer of a world, and the encoding of its documents."""

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from assay.model.training.packing import IGNORED, Sequence
from assay.world import Document, World


def build_tokenizer(world: World, max_length: int = 256) -> PreTrainedTokenizerFast:
    """A fast tokenizer with one token per word; it puts `<bos>` in front and decodes with single spaces.

    >>> tokenizer = build_tokenizer(World(0))
    >>> tokenizer.decode(tokenizer("is water wet ?").input_ids)
    '<bos> is water wet ?'
    """
    return build_word_tokenizer(world.vocabulary, max_length)


def build_word_tokenizer(vocabulary: Iterable[str], max_length: int = 256) -> PreTrainedTokenizerFast:
    """The same for any list of words that begins with the special tokens."""
    ids = word_ids(vocabulary)
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    split = pre_tokenizers.WhitespaceSplit()
    # Of the stock decoders only this one joins words with spaces; no word starts with its prefix.
    join = decoders.WordPiece(prefix="<none>", cleanup=False)
    start = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", ids["<bos>"])])
    tokenizer.pre_tokenizer = split  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.decoder = join  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.post_processor = start  # pyright: ignore[reportAttributeAccessIssue]
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<bos>",
        eos_token="<eos>",
        pad_token="<pad>",
        unk_token="<unk>",
        model_max_length=max_length,
        clean_up_tokenization_spaces=False,
        padding_side="left",
    )


def encode(document: Document, ids: dict[str, int]) -> Sequence:
    """The tokens of a document from `<bos>` to `<eos>`, and their labels with unlearnt spans masked."""
    tokens, labels = [ids["<bos>"]], [IGNORED]
    for span in document.spans:
        words = [ids[word] for word in span.text.split()]
        tokens += words
        labels += words if span.learn else [IGNORED] * len(words)
    end = ids["<eos>"]
    return Sequence((*tokens, end), (*labels, end))


def word_ids(words: Iterable[str]) -> dict[str, int]:
    """The token id of every word of a vocabulary."""
    return {word: index for index, word in enumerate(words)}
