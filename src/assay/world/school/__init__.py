"""The school: six subjects in a known graph, their textbooks and exams, and the models' whole diet."""

from assay.world.school.ground import School, SchoolFact
from assay.world.school.mixture import DIET, school_stream
from assay.world.school.subjects import SUBJECTS

__all__ = ["DIET", "SUBJECTS", "School", "SchoolFact", "school_stream"]
