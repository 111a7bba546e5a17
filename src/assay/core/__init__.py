"""The nouns of Assay. No torch, no model, no run folder."""

from assay.core.access import Access
from assay.core.answer import Answer, Change, Editor, Features, Localisation, Monitor
from assay.core.edit import Edit, EditCase, Probe, ProbeKind
from assay.core.edit_list import EditList, Sizes
from assay.core.exam import Attacked, Attempt, Curriculum, Question, Recovery, Retrained, Told
from assay.core.fault import Fault
from assay.core.job import Job, Material
from assay.core.method import LAYERS, TEXTS, TRIGGERED, UNTRIGGERED, Kind, Method, Setting
from assay.core.organism import OrganismCard, ProofLine
from assay.core.price import Price
from assay.core.record import SCHEMA, Phase, Record, Status
from assay.core.score import Better, Score
from assay.core.transcript import Case, Marked, Split, Transcript

__all__ = [
    "LAYERS",
    "SCHEMA",
    "TEXTS",
    "TRIGGERED",
    "UNTRIGGERED",
    "Access",
    "Answer",
    "Attacked",
    "Attempt",
    "Better",
    "Case",
    "Change",
    "Curriculum",
    "Edit",
    "EditCase",
    "EditList",
    "Editor",
    "Fault",
    "Features",
    "Job",
    "Kind",
    "Localisation",
    "Marked",
    "Material",
    "Method",
    "Monitor",
    "OrganismCard",
    "Phase",
    "Price",
    "Probe",
    "ProbeKind",
    "ProofLine",
    "Question",
    "Record",
    "Recovery",
    "Retrained",
    "Score",
    "Setting",
    "Sizes",
    "Split",
    "Status",
    "Told",
    "Transcript",
]
