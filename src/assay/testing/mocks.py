"""What an entry is tried on: the mock model where a job watches, a tiny real one where it changes weights."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from assay.access.door import behind
from assay.core import Access, Job, Material, Price, Split
from assay.testing.fake_handle import CallLog, fake_handle
from assay.testing.fake_material import fake_material
from assay.testing.tiny_book import tiny_book_material
from assay.testing.tiny_material import tiny_material
from assay.testing.tiny_model import tiny_handle


@dataclass(frozen=True)
class Mock:
    """Handles and material that stand in for those of a real run."""

    handle: Callable[[Access, CallLog | None], Any]
    material: Callable[[], Material]
    spent: Callable[[Any], Price]
    """What was asked through a handle and through changed ones on the same bill, where there is a bill."""

    def used(self, job: Job, answer: Any, handle: Any, split: Split = "report") -> tuple[Any, Any]:
        """An answer put to work as the runner does it, and the handle to judge it with."""
        if job.act is None:
            return answer, handle
        done = job.act(answer, handle, self.material(), split, Price)
        return done, self.handle(Access.WHITE, None)


def mock_for(job: Job) -> Mock:
    """The mock of a job."""
    tiny = {"edits": tiny_material, "books": tiny_book_material}
    if job.works_on in tiny:
        return Mock(tiny_handle, tiny[job.works_on], lambda handle: behind(handle).meter.spent)
    return Mock(lambda access, log: fake_handle(access, log=log), fake_material, lambda _: Price())
