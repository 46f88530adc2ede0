"""The keys of studies: which one, carried out and stopped, the commands of its stages, its report."""

from kullm_tui.ui.keymap.key import Key

# Letters of the list's own movement (j, k) stay free.
STUDY = (
    Key("b", "begin_study", "시작", "begin", footer=True, told=("시작하거나 이어서 하기(돈이나 몇 시간이 들면 먼저 물어요)", "begin or go on; what costs money or hours is asked first")),
    Key("s", "stop_study", "멈춤", "stop", footer=True, told=("멈추기(한 일은 모두 남아요)", "stop; all that was done is kept")),
    Key("y", "copy_stage_command", "명령 복사", "copy command", footer=True, told=("고른 단계를 셸에서 하는 명령 복사", "copy the shell command of the chosen stage")),
    Key(
        "o",
        "report",
        "보고서",
        "report",
        footer=True,
        told=("보고서 열기(창이 없으면 경로 복사)", "open the report; without a desktop, copy its path"),
    ),
    Key("right", "other_study(1)", "다음 연구", "next study", footer=True),
    Key("left", "other_study(-1)", "이전 연구", "study before"),
    Key("f", "study_file", "연구 파일", "study file", footer=True, told=("직접 쓴 연구 파일 열기", "open a study of one's own")),
    Key("m", "study_machine", "장비", "machine", footer=True, told=("학습할 장비 고르기", "choose where to train")),
    Key("g", "study_judges", "채점자", "judges", footer=True, told=("채점자 더하기", "add judges")),
    Key("enter", "read_stage", "읽기", "read", footer=True, told=("고른 단계의 글로 가서 읽기", "to what is told of the stage")),
    Key("escape", "leave_study", "돌아가기", "back", footer=True),
)  # fmt: skip
