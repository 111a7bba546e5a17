"""Black access: text in, text out."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn, Self

from assay.access.door import behind, denial, give
from assay.access.request import Generate, as_texts
from assay.core.access import Access
from assay.core.answer import Change
from assay.core.errors import AccessDenied
from assay.model.generate import Sampling


class BlackHandle:
    """The door to a model for a method that declared black access.

    Every call checks the budget before and is metered after. Whatever else a method reaches for, by any
    public name, is refused with ``AccessDenied``; so are copying and pickling.
    """

    __slots__ = ("__weakref__",)

    @property
    def access(self) -> Access:
        """What this handle allows."""
        return behind(self).access

    def generate(
        self,
        prompts: Sequence[str],
        max_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
        stop: str | Sequence[str] | None = None,
    ) -> list[str]:
        """Write a reply to each prompt; ``prompt + reply`` reads as one text.

        Temperature 0 takes the likeliest token. A reply ends at the model's end of text, before a ``stop``
        string, or after ``max_tokens``.

        Raises:
            BudgetExceeded: the longest replies possible would not fit into the budget.
            ContextExceeded: a prompt with ``max_tokens`` more does not fit into the model's context.
            BadOption: an option that cannot be used.
        """
        how = Sampling.of(max_tokens, temperature, seed, stop)
        return [reply.text for reply in behind(self).ask(Generate(as_texts(prompts), how))]

    @property
    def reference(self) -> Self:
        """A handle of the same kind on the model that this one was made from, on the same bill.

        Raises:
            NotApplicable: there is no earlier model.
        """
        return self._beside("reference")

    @property
    def untrained(self) -> Self:
        """A handle of the same kind on a model of the same make with random weights, on the same bill."""
        return self._beside("untrained")

    def changed(self, change: Change) -> Self:
        """A handle of the same kind on the same model with a change on top, on the same bill.

        Raises:
            AccessDenied: a change of weights or activations, without white access.
        """
        handle = type(self)()
        give(handle, behind(self).altered(change))
        return handle

    def _beside(self, name: str) -> Self:
        door = behind(self)
        with door.meter.apart():  # loading a model is no work of the method's
            other = door.beside(name)
        handle = type(self)()
        give(handle, other)
        return handle

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise AccessDenied("a handle cannot be copied or pickled; pass it on as it is")

    if not TYPE_CHECKING:  # a type checker should see an unknown name as a mistake, not as any value

        def __getattr__(self, name: str) -> NoReturn:
            if name.startswith("_"):  # protocols of Python and of notebooks ask for these
                raise AttributeError(name)
            raise denial(self.access, name)
