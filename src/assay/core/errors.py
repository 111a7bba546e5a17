"""Every error that Assay raises on purpose, as one tree.

AssayError
├── UnknownEntry        no job, method, organism of that name (nearest names are listed)
├── BadOption           an option or argument that cannot be used
├── AccessDenied        a method reached for something that its access level forbids
├── BudgetExceeded      a method asked for more than its budget holds
├── NotApplicable       a method or recipe cannot work on this model, and says why
├── ModelError
│   ├── NotAModel       the path holds no model, or the name is not known
│   ├── NotCausal       a model, but not a causal language model
│   ├── PickleRefused   weights only as a pickle
│   ├── TokenizerMissing
│   └── ContextExceeded a sequence longer than the model's context
├── OrganismInvalid     the planted fault did not take; says which line of the proof failed
└── StoreError
    ├── OldSchema       a run folder written by another version of the schema
    ├── DamagedRecord   a record that cannot be read (named and quarantined)
    └── CannotWrite     folder not writable, disk full

A message says what was wrong, where, and what to do. The command line prints it without a stack trace.
"""

import difflib
from collections.abc import Iterable


class AssayError(Exception):
    """Base of every error meant for people; its text is complete on its own."""

    def __reduce__(self) -> tuple[object, tuple[type["AssayError"], str]]:
        # errors travel between processes as their text, whatever they were made from
        return _restored, (type(self), str(self))


def _restored(kind: type[AssayError], text: str) -> AssayError:
    error = kind.__new__(kind)
    Exception.__init__(error, text)
    return error


class UnknownEntry(AssayError):
    """No entry of that name; the message lists the nearest ones.

    >>> str(UnknownEntry("method", "mean_diff", ["mean_difference", "logistic"]))
    "no method named 'mean_diff'; did you mean mean_difference? (all: logistic, mean_difference)"
    """

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
        hint = f"did you mean {', '.join(near)}? " if near else ""
        super().__init__(f"no {what} named '{name}'; {hint}(all: {', '.join(names) or 'none'})")


class BadOption(AssayError):
    """An option or argument that cannot be used as given."""


class AccessDenied(AssayError):
    """A method reached for something that its access level forbids."""


class BudgetExceeded(AssayError):
    """A method asked for more than its budget holds; work done so far is still billed."""


class NotApplicable(AssayError):
    """A method or recipe cannot work on this model or corpus; the text says why."""


class ModelError(AssayError):
    """A model could not be loaded or used."""


class NotAModel(ModelError):
    """The path or name leads to no model."""


class NotCausal(ModelError):
    """The model is not a causal language model."""


class PickleRefused(ModelError):
    """The weights exist only as a pickle, which can run code when opened."""


class TokenizerMissing(ModelError):
    """The folder holds weights but no tokenizer."""


class ContextExceeded(ModelError):
    """A sequence is longer than the model's context."""


class OrganismInvalid(AssayError):
    """The planted fault did not take; the text names the line of the proof that failed."""


class StoreError(AssayError):
    """A run folder could not be read or written."""


class OldSchema(StoreError):
    """The run folder was written under another schema version."""


class DamagedRecord(StoreError):
    """A record cannot be read; it is moved to quarantine and the rest is kept."""


class CannotWrite(StoreError):
    """The folder cannot be written: permissions, or no space left."""
