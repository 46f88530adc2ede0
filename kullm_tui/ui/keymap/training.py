"""The keys of trainings: their list, a new one, one job's page, several over each other, machines."""

from kullm_tui.ui.keymap.key import Key

# Letters of the list's own movement (j, k) stay free.
TRAIN = (
    Key("enter", "open_job", "열기", "open", footer=True, told=("학습의 곡선과 기록", "its curves and its log")),
    Key("n", "new_job", "새 학습", "new", footer=True, told=("새 학습", "a new training")),
    Key(
        "t",
        "chat_with_it",
        "대화",
        "chat",
        footer=True,
        told=("학습한 어댑터와 대화", "talk to what was trained"),
    ),
    Key(
        "v",
        "compare_with_base",
        "비교",
        "compare",
        footer=True,
        told=("베이스 모델과 비교", "compare with its base"),
    ),
    Key(
        "w",
        "look_after",
        "전후",
        "after",
        footer=True,
        told=("같은 질문으로 학습 전후 비교하기", "the same questions before and after"),
    ),
    Key(
        "s",
        "cancel_job",
        "멈춤",
        "stop",
        footer=True,
        told=("학습 멈추기(무엇이 남는지 먼저 알려 줘요)", "stop it (says first what is kept)"),
    ),
    Key(
        "r",
        "resume_job",
        "이어서",
        "go on",
        footer=True,
        told=("멈추거나 실패한 학습 이어서 하기", "go on with one that stopped or failed"),
    ),
    Key(
        "escape",
        "leave_trainings",
        "돌아가기",
        "back",
        footer=True,
        told=("목록으로, 대화로", "to the list, to the chat"),
    ),
    Key(
        "h",
        "hold_job",
        "보류",
        "hold",
        footer=True,
        told=("줄에서 보류하거나 풀기", "hold it in the queue, or release it"),
    ),
    Key("c", "clone_job", "복제", "clone", footer=True, told=("값을 바꾼 새 학습", "a new one with a change")),
    Key("m", "machines", "장비", "machines", footer=True, told=("학습하는 장비들", "the machines that train")),
    Key(
        "f", "fetch_job", "받기", "fetch", footer=True, told=("결과를 받아 등록하기", "bring what it made, and keep it")
    ),
    Key("delete", "remove_job", "지우기", "remove", footer=True, told=("학습 지우기", "remove the training")),
    Key(
        "b",
        "compare_blind",
        "가리고 비교",
        "blind",
        told=("이름을 가리고 베이스 모델과 비교", "compare with its base, names hidden"),
    ),
    Key("space", "mark_job", "고르기", "mark", told=("겹쳐 볼 학습 고르기", "mark it for a look at several")),
    Key(
        "p", "overlay", "겹쳐 보기", "overlay", told=("고른 학습들의 곡선 겹쳐 보기", "the marked ones over each other")
    ),
    Key(
        "y", "copy_command", "명령 복사", "copy command", told=("같은 일을 하는 셸 명령 복사", "copy the shell command")
    ),
    Key(
        "o",
        "job_folder",
        "폴더",
        "folder",
        told=("학습 폴더 열기(창이 없으면 경로 복사)", "open its folder; without a desktop, copy its path"),
    ),
    Key(
        "g",
        "study",
        "연구",
        "study",
        told=("논문의 실험을 처음부터 끝까지", "the paper's experiment from its sources to its report"),
    ),
)

TRAIN_RECIPES = (
    Key("enter", "take_recipe", "고르기", "choose", footer=True, told=("레시피 고르기", "choose the recipe")),
)

TRAIN_NEW = (
    Key("ctrl+r", "begin_job", "시작", "begin", footer=True, told=("학습 시작", "begin the training")),
    Key("escape", "leave_new", "돌아가기", "back", footer=True, told=("돌아가기, 준비하는 중이면 취소", "back; while it is made ready, call it off")),
    Key("f2", "make_fit", "맞추기", "make it fit", footer=True, told=("메모리에 들어가게 한 가지 바꾸기", "change the one thing that makes it fit")),
    Key("f3", "show_trained", "학습할 부분", "what is trained", footer=True, told=("처음 세 행에서 학습할 부분 보기", "see what is trained of the first three rows")),
    Key("f6", "all_fields", "모든 항목", "all fields", footer=True, told=("모든 항목 펴고 접기", "show all fields, or the usual ones")),
    Key("f7", "machines", "장비", "machines", footer=True, told=("장비 보고 더하기", "see and add machines")),
    Key("f9", "choose_data", "데이터", "data", footer=True, told=("만든 혼합이나 데이터 파일 고르기", "choose a built mixture or a file of data")),
)  # fmt: skip

MACHINES = (
    Key("a", "add_machine", "추가", "add", footer=True, told=("장비 추가", "add a machine")),
    Key("enter", "live", "지켜보기", "watch", footer=True, told=("GPU와 대기열 지켜보기", "watch its GPUs and its queue")),
    Key("c", "check_machine", "점검", "check", footer=True, told=("학습할 수 있는지 점검", "see whether it can train")),
    Key("n", "notify_address", "알림", "notify", footer=True, told=("끝나면 알릴 웹훅 주소 정하기", "set the webhook that is told when a training ends")),
    Key("x", "remove_machine", "빼기", "remove", footer=True, told=("목록에서 빼기", "take it off the list")),
    Key("escape", "leave_machines", "돌아가기", "back", footer=True),
)  # fmt: skip

TRAIN_PAGE = (
    Key("1", "job_view('overview')", "한눈에", "at a glance"),
    Key("2", "job_view('curves')", "곡선", "curves"),
    Key("3", "job_view('cards')", "GPU", "GPUs"),
    Key("4", "job_view('log')", "기록", "log"),
    Key("5", "job_view('replies')", "예시 답", "sample replies"),
    Key("6", "job_view('facts')", "예상·경보", "plan and alarms"),
)

TRAIN_CURVES = (
    Key("left", "cursor(-1)", "앞 단계", "step before", told=("커서를 앞 단계로", "the cursor a step back")),
    Key(
        "right",
        "cursor(1)",
        "단계 읽기",
        "read a step",
        footer=True,
        told=("커서를 뒤 단계로(모든 곡선을 그 단계에서 읽기)", "the cursor a step on: all curves are read there"),
    ),
    Key("shift+left", "cursor(-10)", "앞으로 크게", "further back"),
    Key("shift+right", "cursor(10)", "뒤로 크게", "further on"),
    Key("home", "cursor_to_end(-1)", "첫 단계", "first step"),
    Key("end", "cursor_to_end(1)", "마지막 단계", "last step"),
    Key("plus,equals_sign", "zoom(1)", "확대", "zoom", footer=True, told=("단계를 확대", "zoom in by steps")),
    Key("minus", "zoom(-1)", "축소", "zoom out", footer=True),
    Key("0", "zoom_whole", "전체", "whole", told=("모든 단계 보기", "all steps")),
    Key("y", "log_scale", "로그", "log scale", footer=True, told=("세로축을 로그로", "a logarithmic axis")),
    Key(
        "p",
        "save_picture",
        "그림 저장",
        "save picture",
        footer=True,
        told=("보이는 곡선을 PNG나 SVG로 저장", "save the curves in sight as PNG or SVG"),
    ),
    Key("escape", "drop_cursor", "커서 끄기", "drop the cursor", told=("커서 끄기", "drop the cursor, then the zoom")),
)

TRAIN_CARDS = (
    Key("left", "moment(-1)", "앞 시각", "moment before", told=("커서를 앞으로", "the cursor back in time")),
    Key("right", "moment(1)", "시각 읽기", "read a moment", footer=True, told=("커서를 뒤로(모든 곡선을 그때에서 읽기)", "the cursor on in time: all curves are read there")),
    Key("shift+left", "moment(-10)", "앞으로 크게", "further back"),
    Key("shift+right", "moment(10)", "뒤로 크게", "further on"),
    Key("home", "cursor_to_end(-1)", "처음", "its beginning"),
    Key("end", "cursor_to_end(1)", "끝", "its end"),
    Key("plus,equals_sign", "zoom(1)", "확대", "zoom", footer=True, told=("시간을 확대", "zoom in by time")),
    Key("minus", "zoom(-1)", "축소", "zoom out", footer=True),
    Key("0", "zoom_whole", "전체", "whole", told=("처음부터 끝까지 보기", "all of its time")),
    Key("escape", "drop_cursor", "커서 끄기", "drop the cursor", told=("커서 끄기", "drop the cursor, then the zoom")),
)  # fmt: skip

TRAIN_LOG = (
    Key("slash", "search_log", "찾기", "find", footer=True),
    Key("n", "find_in_log(1)", "다음", "next", footer=True, told=("다음 찾은 곳", "the next match")),
    Key("b", "find_in_log(-1)", "이전", "before", footer=True, told=("이전 찾은 곳", "the match before")),
    Key("e", "first_error", "첫 오류", "first error", footer=True),
    Key("end", "follow_log", "따라가기", "follow", footer=True, told=("맨 끝을 따라가기", "follow its end")),
    Key("home", "log_begin", "처음", "begin"),
    Key("left", "attempt(-1)", "앞 시도", "attempt before"),
    Key("right", "attempt(1)", "다음 시도", "next attempt"),
    Key("escape", "leave_search", "찾기 끝", "end the search"),
)

TRAIN_REPLIES = (
    Key("left", "reply_step(-1)", "앞 단계", "step before"),
    Key(
        "right",
        "reply_step(1)",
        "다음 단계",
        "next step",
        footer=True,
        told=("다음 단계의 답", "the reply of the next step"),
    ),
    Key("n", "question(1)", "다음 물음", "next prompt", footer=True),
    Key("b", "question(-1)", "앞 물음", "prompt before"),
    Key(
        "p",
        "pin_reply",
        "왼쪽에 고정",
        "pin",
        footer=True,
        told=("이 단계를 왼쪽에 두고 비교하기", "keep this step at the left, to compare with"),
    ),
)

OVERLAY = (
    Key("escape", "leave_overlay", "돌아가기", "back", footer=True),
    Key("f", "field", "무엇", "what", footer=True, told=("무엇의 곡선인지 바꾸기", "curves of another field")),
    Key(
        "b",
        "baseline",
        "기준",
        "baseline",
        footer=True,
        told=("기준이 되는 학습 바꾸기", "another run as the baseline"),
    ),
)
