"""Contract suite for every entry, ours or a stranger's."""

from assay.testing.access_contract import check_access
from assay.testing.fake_handle import CallLog, FakeBlackHandle, FakeGreyHandle, FakeWhiteHandle, fake_handle
from assay.testing.fake_material import fake_material
from assay.testing.fake_model import FakeModel
from assay.testing.job_contract import check_job, check_organism
from assay.testing.method_contract import check_method
from assay.testing.results import CheckResult, failures

__all__ = [
    "CallLog",
    "CheckResult",
    "FakeBlackHandle",
    "FakeGreyHandle",
    "FakeModel",
    "FakeWhiteHandle",
    "check_access",
    "check_job",
    "check_method",
    "check_organism",
    "failures",
    "fake_handle",
    "fake_material",
]
