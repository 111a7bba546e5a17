"""The options that ``assay plan`` and ``assay run`` share, declared once."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Concatenate, Literal, ParamSpec, TypeVar

from typer import Option

P = ParamSpec("P")
T = TypeVar("T")
Base = Annotated[str, Option(help="Model to plant faults in: 'embedded', a folder or a Hugging Face name.")]
Corpus = Annotated[
    Path | None,
    Option(help="Text file in the base's own language, for any base but the embedded one.", metavar="FILE"),
]
Device = Annotated[str, Option(help="auto, cpu, cuda, cuda:1, ...")]


@dataclass(frozen=True)
class Shared:
    """Field by field what ``assay.runner.options.Options`` holds; read without importing the runner."""

    job: Annotated[str, Option(help="What the tools are hired to do; see 'assay list jobs'.")] = "monitor"
    methods: Annotated[
        list[str] | None,
        Option(
            "--method",
            help="A tool by name, or a Python file that defines METHOD; repeat for more.",
            show_default="all that do the job",
        ),
    ] = None
    organisms: Annotated[
        list[str] | None,
        Option("--organism", help="A recipe by name; repeat for more.", show_default="those of the suite"),
    ] = None
    base: Base = "embedded"
    corpus: Corpus = None
    cases: Annotated[
        Path | None,
        Option(
            help="Facts to be changed (CounterFact, zsRE or our own JSON), for the job 'edit'.",
            metavar="FILE",
        ),
    ] = None
    textbook: Annotated[
        Path | None,
        Option(
            help="What is to be forgotten (text, TOFU or WMDP corpus JSON), for the job 'unlearn'.",
            metavar="FILE",
        ),
    ] = None
    exams: Annotated[
        list[Path] | None,
        Option(
            "--exam",
            help="An exam (MMLU CSV, TOFU, WMDP or our own JSON); the first is on the textbook, repeat for "
            "what must stay.",
            metavar="FILE",
            show_default="none",
        ),
    ] = None
    seeds: Annotated[int | None, Option(help="Organisms of each recipe.", show_default="quick 1, full 3")] = (
        None
    )
    suite: Annotated[Literal["quick", "full"], Option(help="How many recipes and seeds.")] = "quick"
    budget: Annotated[
        str,
        Option(help="Limits of each single run, e.g. 'queries=500,tokens=1e6,flops=1e12,seconds=30'."),
    ] = ""
    tuning: Annotated[int, Option(help="Settings that each tool may try.")] = 24
    device: Device = "auto"
    workers: Annotated[
        int | None,
        Option(help="Processes; 0 works within this one.", show_default="one per core, one on a GPU"),
    ] = None


def taking(kind: type[T]) -> Callable[[Callable[Concatenate[T, P], None]], Callable[..., None]]:
    """Put the fields of a class in front of a verb's own options, where typer can read them.

    The verb gets them as one object of that class.
    """

    def wrapped(verb: Callable[Concatenate[T, P], None]) -> Callable[..., None]:
        shared = inspect.signature(kind).parameters
        own = list(inspect.signature(verb).parameters.values())[1:]

        @functools.wraps(verb)
        def command(**given: Any) -> None:
            asked = kind(**{name: given.pop(name) for name in shared})
            verb(asked, **given)  # pyright: ignore[reportCallIssue]

        parameters = [*shared.values(), *own]
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        vars(command)["__signature__"] = inspect.Signature(parameters)
        return command

    return wrapped


with_shared = taking(Shared)
"""For ``plan`` and ``run``, each of which would otherwise need the same fourteen parameters."""
