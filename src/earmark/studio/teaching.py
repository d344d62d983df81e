"""Teaching: the model is trained further on what was judged, and takes the place of the former one if it is better."""

from __future__ import annotations

import shutil

from earmark.core.errors import EarmarkError
from earmark.studio.jobs import JobStep, job_folder, refuse_running
from earmark.studio.learning import JOB as LEARNING
from earmark.studio.project import Project
from earmark.studio.recordings import JOB as INDEXING

JOB = "teach"


def teaching_steps(project: Project) -> list[JobStep]:
    """The steps that teach the model what was judged, test it on takes, and index the recordings with it.

    The present model and archive stay until others take their place.

    Raises
    ------
    EarmarkError
        If nothing is indexed yet, or the model is being trained or recordings are being indexed.
    """
    if not (project.archive / "archive.json").is_file():
        raise EarmarkError("Nothing is indexed yet: add recordings first.", code="noArchive")
    for other in (LEARNING, INDEXING):
        refuse_running(project, other)
    shutil.rmtree(job_folder(project, JOB) / "model", ignore_errors=True)  # of a teaching that was not ended
    model = f"jobs/{JOB}/model"
    corpus = ("--corpus", "corpus") if (project.corpus / "corpus.yaml").is_file() else ()
    return [
        JobStep("teach", "earmark", ("teach", "archive", "--out", model, *corpus, "--resume")),
        JobStep("test", "earmark", ("studio-step", "test-taught", ".")),
        JobStep("index", "earmark", ("studio-step", "index", ".")),
    ]
