"""A trained dictionary whose directions have changed places: its code without its meaning."""

from dataclasses import replace

from assay.model.patching.sources import traded
from assay.techniques.dictionaries.dictionary import Dictionary


def shuffled_decoder(dictionary: Dictionary, seed: int = 0) -> Dictionary:
    """The same latents are on, but each writes another one's direction; none keeps its own."""
    taker = traded(dictionary.latents, seed)
    decoder = dictionary.decoder[taker.to(dictionary.decoder.device)]
    return replace(dictionary, decoder=decoder, about={**dictionary.about, "placebo": "shuffled_decoder"})
