"""The keys of data sets: mixtures and what was built of them, and the rows of one."""

from kullm_tui.ui.keymap.key import Key

DATA = (
    Key("enter", "open_rows", "행 보기", "rows", footer=True, told=("만든 행과 빠진 행 보기", "its rows, and those that were rejected")),
    Key("b", "build", "만들기", "build", footer=True, told=("데이터 만들기(보내기 전에 가격을 물어요)", "build it (the price is asked before anything is sent)")),
    Key("s", "stop_build", "멈춤", "stop", footer=True, told=("만들기 멈추기(한 일은 남아요)", "stop building; what was done is kept")),
    Key("t", "train_on_it", "학습", "train", footer=True, told=("이 데이터로 새 학습", "a new training on it")),
    Key("n", "new_mixture", "새 혼합", "new", footer=True, told=("고른 것을 본떠 새 혼합 파일 만들기", "a mixture of one's own, after the chosen one")),
    Key("f", "feedback", "피드백", "feedback", footer=True, told=("답에 대해 말한 것 보기", "everything that was said of replies")),
    Key("g", "show_sources", "소스", "sources", footer=True, told=("소스와 라이선스 보기", "the sources and their licences")),
    Key("y", "copy_data_command", "명령 복사", "copy command", told=("같은 일을 하는 셸 명령 복사", "copy the shell command that does the same")),
    Key("escape", "leave_data", "돌아가기", "back", footer=True),
)  # fmt: skip

DATA_ROWS = (
    Key("enter", "read_row", "읽기", "read", footer=True, told=("글로 가서 읽기", "to its text")),
    Key("f", "next_filter", "거르기", "filter", footer=True, told=("쓰는 행, 빠진 까닭마다", "the rows that are kept, then each reason")),
    Key("slash", "find_row", "찾기", "find", footer=True, told=("글에 있는 말로 찾기", "find by words in the text")),
    Key("e", "edit_row", "고치기", "edit", footer=True, told=("번역이나 답 고치기(다시 만들 때 적용해요)", "change its text; it counts at the next build")),
    Key("delete", "drop_row", "빼기", "drop", footer=True, told=("이 행 빼기(다시 만들 때 적용해요)", "leave this row out of the next build")),
    Key("u", "undo_row", "되돌리기", "undo", footer=True, told=("이 행에 한 일 되돌리기", "take back what was done to this row")),
    Key("v", "view_trained", "학습 모습", "as trained", footer=True, told=("템플릿에 담긴 모습과 글, 길이 분포", "as it stands in the template, and the lengths of all")),
    Key("escape", "leave_rows", "돌아가기", "back", footer=True),
)  # fmt: skip

DATA_SOURCES = (
    Key(
        "enter",
        "read_source",
        "읽기",
        "read",
        footer=True,
        told=("아는 것 모두 읽기", "everything that is known of it"),
    ),
    Key("escape", "leave_sources", "돌아가기", "back", footer=True),
)
