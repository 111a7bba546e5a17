"""Where an exam lies: in a file of its own, or as a subject in an archive of CSV files."""

import difflib
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from assay.core.errors import BadOption
from assay.organisms.reading.entries import decoded, text_of

PARTS = ("_test", "", "_val", "_dev")
"""How names of MMLU's files end; of one subject in an archive the first of these is read."""


class Source(NamedTuple):
    """The text of an exam, and what the name of its file says."""

    subject: str
    suffix: str
    text: str


def source_of(path: Path) -> Source:
    """The exam in a file, or under ``ARCHIVE:SUBJECT``.

    Raises:
        BadOption: there is no such file or subject, or it cannot be read as text.
    """
    archive, colon, subject = str(path).rpartition(":")
    if colon and not path.exists() and Path(archive).is_file():
        return _member(Path(archive), subject)
    if path.is_file() and path.name.endswith((".tar", ".tar.gz", ".tgz")):
        some = ", ".join(sorted(_subjects(path))[:3])
        raise BadOption(f"{path}: an archive of many exams; name one, as in {path.name}:SUBJECT ({some} ...)")
    return Source(subject_of(path.stem), path.suffix.lower(), text_of(path))


def subject_of(stem: str) -> str:
    """The subject that the name of a file says.

    >>> subject_of("anatomy_test"), subject_of("forget01_perturbed")
    ('anatomy', 'forget01_perturbed')
    """
    return next((stem.removesuffix(part) for part in PARTS if part and stem.endswith(part)), stem)


def _member(archive: Path, subject: str) -> Source:
    found = _subjects(archive)
    if subject not in found:
        near = difflib.get_close_matches(subject, found, n=3, cutoff=0.4) or sorted(found)[:3]
        raise BadOption(
            f"{archive}: no subject '{subject}' among the {len(found)} CSV files in it"
            + (f"; did you mean {', '.join(near)}?" if near else "")
        )
    return Source(subject, ".csv", decoded(found[subject], f"{archive}:{subject}"))


def _subjects(archive: Path) -> dict[str, bytes]:
    """The content of each subject's file."""
    best: dict[str, tuple[int, bytes]] = {}
    try:
        with tarfile.open(archive) as opened:
            for member in opened:
                name = PurePosixPath(member.name)
                if not member.isfile() or name.suffix != ".csv" or name.name.startswith("."):
                    continue
                subject = subject_of(name.stem)
                rank = PARTS.index(name.stem.removeprefix(subject))
                if (subject not in best or rank < best[subject][0]) and (file := opened.extractfile(member)):
                    best[subject] = (rank, file.read())
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise BadOption(f"{archive}: not a tar archive that can be read ({error})") from error
    return {subject: content for subject, (_, content) in best.items()}
