"""The probe that did best on other organisms, where probes on a sparse dictionary may compete."""

from collections.abc import Mapping
from typing import Any

from assay.access import WhiteHandle
from assay.core import UNTRIGGERED, Access, Answer, Method, Setting
from assay.jobs.monitor import MonitorBrief
from assay.methods.monitor import sae_probe, sae_reconstruction_probe
from assay.methods.monitor._dictionary import FEW
from assay.methods.monitor._pool import PLAIN

SAE: Mapping[str, tuple[Method, Mapping[str, Any]]] = {
    **{f"sae, k {k}": (sae_probe.METHOD, {"k": k}) for k in FEW},
    "sae reconstruction": (sae_reconstruction_probe.METHOD, {}),
}
"""What the pool holds more than the plain one, by the name that a setting gives."""


def fit(handle: WhiteHandle, brief: MonitorBrief, setting: Setting, seed: int) -> Answer:
    """Fit the one probe that the setting names; only those on a dictionary train one."""
    if setting["probe"] in PLAIN:
        return PLAIN[setting["probe"]].fit(handle, brief, seed)
    method, rest = SAE[setting["probe"]]
    return method.fit(handle, brief, rest, seed)


METHOD = Method(
    title="Pool of probes with SAE probes",
    job="monitor",
    kind="method",
    access=Access.WHITE,
    source="Kantamneni et al. 2025, Are Sparse Autoencoders Useful? A Case Study in Sparse Probing, arXiv "
    "2502.16681 (whether SAE probes add to a pool of baselines)",
    formula="of the plain pool's probes, the SAE probes with k = 1, 8 and 64 and the probe on the SAE's "
    "reconstruction, the one with the best mean AUROC on the select split of other organisms",
    does="The pool of plain probes with SAE probes added; only if it beats the plain pool do features of a "
    "dictionary add anything to what can be had without one.",
    fit=fit,
    # plain probes first: ties go to the earlier setting, so a dictionary must win to be chosen
    space={"probe": (*PLAIN, *SAE)},
    text=UNTRIGGERED,
)
