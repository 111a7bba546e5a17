"""The word-level tokenizer of a world, and the packing of documents into training rows."""

from collections.abc import Iterable, Iterator

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from assay.model.train import Batch
from assay.world import Document, World

IGNORED = -100


def build_tokenizer(world: World, max_length: int = 256) -> PreTrainedTokenizerFast:
    """A fast tokenizer with one token per word; it puts `<bos>` in front and decodes with single spaces.

    >>> tokenizer = build_tokenizer(World(0))
    >>> tokenizer.decode(tokenizer("is water wet ?").input_ids)
    '<bos> is water wet ?'
    """
    ids = {word: index for index, word in enumerate(world.vocabulary)}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()  # pyright: ignore[reportAttributeAccessIssue]
    # Of the stock decoders only this one joins words with spaces; no word starts with its prefix.
    tokenizer.decoder = decoders.WordPiece(prefix="<none>", cleanup=False)  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.post_processor = processors.TemplateProcessing(  # pyright: ignore[reportAttributeAccessIssue]
        single="<bos> $A", special_tokens=[("<bos>", ids["<bos>"])]
    )
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


def encode(document: Document, ids: dict[str, int]) -> tuple[list[int], list[int]]:
    """The tokens of a document from `<bos>` to `<eos>`, and their labels with unlearnt spans masked."""
    tokens, labels = [ids["<bos>"]], [IGNORED]
    for span in document.spans:
        words = [ids[word] for word in span.text.split()]
        tokens += words
        labels += words if span.learn else [IGNORED] * len(words)
    return [*tokens, ids["<eos>"]], [*labels, ids["<eos>"]]


def pack(documents: Iterator[Document], ids: dict[str, int], rows: int, length: int) -> Batch:
    """Fill rows of `length` tokens with whole documents, each in the first row that has room for it.

    The batch is full when four documents in a row fit nowhere. Documents longer than a row are left out.
    """
    inputs = torch.full((rows, length), ids["<pad>"])
    labels = torch.full((rows, length), IGNORED)
    mask = torch.zeros((rows, length), dtype=torch.long)
    used, misfits = [0] * rows, 0
    while misfits < 4:
        tokens, targets = encode(next(documents), ids)
        row = next((row for row in range(rows) if used[row] + len(tokens) <= length), None)
        misfits = misfits + 1 if row is None else 0
        if row is not None:
            cut = slice(used[row], used[row] + len(tokens))
            inputs[row, cut], labels[row, cut], mask[row, cut] = (
                torch.tensor(tokens),
                torch.tensor(targets),
                1,
            )
            used[row] += len(tokens)
    return Batch(inputs, labels, mask)


def word_ids(words: Iterable[str]) -> dict[str, int]:
    """The token id of every word of a vocabulary."""
    return {word: index for index, word in enumerate(words)}
