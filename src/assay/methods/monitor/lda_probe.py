"""Linear discriminant on the activations of contrast pairs."""

from assay.access import WhiteHandle
from assay.core import Access, Method, Setting
from assay.jobs.monitor import MonitorBrief
from assay.methods.monitor._activations import DEFAULT, SPACE, ActivationMonitor, family_rows
from assay.techniques.probes import lda


def fit(handle: WhiteHandle, brief: MonitorBrief, setting: Setting, seed: int) -> ActivationMonitor:  # noqa: ARG001
    """Correct the mean difference of the chosen family by the spread inside its two sides."""
    read = family_rows(handle, brief, setting)
    return ActivationMonitor(lda(read.rows, read.labels), setting["layer"])


METHOD = Method(
    title="Mass-mean probe with covariance (LDA)",
    job="monitor",
    kind="method",
    access=Access.WHITE,
    source="Marks & Tegmark 2023, The Geometry of Truth, arXiv 2310.06824; shrinkage: Ledoit & Wolf 2004, "
    "doi 10.1016/S0047-259X(03)00096-4",
    formula="w = inverse(S) (mean h(alarming) - mean h(harmless)), S = pooled within-class covariance, "
    "shrunk by the Ledoit-Wolf amount; score = w . h",
    does="Takes the mean difference of generic pairs but trusts directions less in which activations vary "
    "anyway, whatever the text says.",
    fit=fit,
    space=SPACE,
    default=DEFAULT,
)
