"""Files of the job ``unlearn``: exams and textbooks in whatever form they have, and our own form to write.

Exams, told apart by the name of the file and, for JSON, by the fields of a case; each JSON form as a list or
as one object a line:

MMLU CSV (Hendrycks et al., arXiv 2009.03300): question, four options, and the letter of the right one or its
    number from 0, with or without a line of names; ``mmlu.tar.gz:anatomy`` is one subject of an archive.
WMDP (Li et al., arXiv 2403.03218): ``question``, ``choices``, ``answer`` (a number from 0).
TOFU (Maini et al., arXiv 2401.06121): ``question``, ``answer``; ``paraphrased_question``,
    ``paraphrased_answer`` and ``perturbed_answer`` where the file has them.
plain: the fields of ``assay.core.exam.Question``, as ``write_exam`` writes them::

    [{"prompt": "Which bird nests in reeds?", "options": ["crane", "bittern"], "answer": "bittern"}]

    ``answer`` is the right option or its number from 0. Without ``form`` the prompt is a bare question, and
    is asked in all three forms; with it, it is put to the model as it stands.

Textbooks: plain text, JSON with a ``text`` in each entry (the corpora of WMDP), or a JSON file of TOFU.
"""

from assay.organisms.unlearning.files.book import Book, read_textbook
from assay.organisms.unlearning.files.overlap import check_overlap, overlap, shared_questions
from assay.organisms.unlearning.files.read import LEAST, Exam, read_exam
from assay.organisms.unlearning.files.write import write_exam

__all__ = [
    "LEAST",
    "Book",
    "Exam",
    "check_overlap",
    "overlap",
    "read_exam",
    "read_textbook",
    "shared_questions",
    "write_exam",
]
