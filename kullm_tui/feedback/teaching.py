"""What would be taught to whom, before anything is written or begun: for `kullm train --feedback` and the app alike."""

from dataclasses import dataclass

from kullm_tui.core.config.settings import Config
from kullm_tui.core.store.store import Store
from kullm_tui.feedback.course import Course, Student, course, notes, require_enough, student
from kullm_tui.feedback.lessons import Lessons, lessons_in
from kullm_tui.feedback.replay import USUAL_SHARE

NAME = "taught"  # of the adapter, with a number


@dataclass(frozen=True)
class Teaching:
    lessons: Lessons
    student: Student
    course: Course

    @property
    def notes(self) -> list[str]:
        """What somebody should know before it is trained."""
        return notes(self.course, self.student, self.lessons)

    @property
    def is_personal(self) -> bool:
        return bool(self.lessons.train.personal)


def drawn_up(
    store: Store, config: Config, *, learner: str = "", few: bool, share: float = USUAL_SHARE, source: str = ""
) -> Teaching:
    """`learner`: the chat's model unless named. UsageError where there is too little to learn, or nobody here to learn it."""
    who = student(learner, config)
    found = lessons_in(store)
    require_enough(found, few=few)
    return Teaching(found, who, course(found, who, store, share=share, source=source))
