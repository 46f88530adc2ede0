"""The one table of keys. The bindings, the footer, the F1 help and the test of the keys are all made from it.

A scope is where a key means something. Within a scope the most important keys stand first: a narrow footer drops the last.
A key that does something only at times says when; the footer shows it then, and pressed at another time it says why it does nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kullm_tui.core.language import say
from kullm_tui.ui.keymap.data import DATA, DATA_ROWS, DATA_SOURCES
from kullm_tui.ui.keymap.feedback import AFTER, FEEDBACK
from kullm_tui.ui.keymap.key import Key
from kullm_tui.ui.keymap.studies import STUDY
from kullm_tui.ui.keymap.training import (
    MACHINES,
    OVERLAY,
    TRAIN,
    TRAIN_CARDS,
    TRAIN_CURVES,
    TRAIN_LOG,
    TRAIN_NEW,
    TRAIN_PAGE,
    TRAIN_RECIPES,
    TRAIN_REPLIES,
)

if TYPE_CHECKING:
    from textual.binding import Binding, BindingType


# A screen that is in the way must not keep anyone from quitting, from the palette or from the help.
PRIORITY_ACTIONS = frozenset({"quit", "command_palette", "help"})

GLOBAL = (
    Key("f4", "compare", "비교", "compare", footer=True, told=("대화와 비교 오가기", "between chat and compare")),
    Key(
        "ctrl+p",
        "command_palette",
        "명령",
        "commands",
        footer=True,
        told=("명령·대화·모델 찾기", "find commands, conversations, models"),
    ),
    Key("f1", "help", "도움", "help", footer=True, told=("단축키 보기", "show the keys")),
    Key("ctrl+q", "quit", "끝내기", "quit"),
    Key("f5", "models", "모델 찾아보기", "browse models"),
    Key("f8", "switch_model", "모델·어댑터 바꾸기", "switch model or adapter"),
    Key("f10", "train", "학습", "train", told=("학습 화면 열고 닫기", "to the trainings and back")),
    Key("f11", "data", "데이터", "data", told=("데이터로 가고 오기", "to the data sets and back")),
    Key("f12", "evaluate", "평가", "evaluate", told=("평가로 가고 오기", "to the evaluations and back")),
)

CHAT = (
    Key(
        "escape",
        "stop",
        "멈춤",
        "stop",
        footer=True,
        when="streaming",
        told=("답 멈추기(^c로도), 아니면 입력으로", "stop the reply (^c too), or back to the prompt"),
    ),
    Key("ctrl+r", "regenerate", "다시", "again", footer=True, when="asked", told=("답 다시 받기", "answer again")),
    Key(
        "f2",
        "edit_last",
        "고치기",
        "edit",
        footer=True,
        when="asked",
        told=("마지막 질문 고쳐 보내기", "edit and resend the last question"),
    ),
    Key(
        "ctrl+n", "new_conversation", "새 대화", "new", footer=True, when="begun", told=("새 대화", "new conversation")
    ),
    Key(
        "f3",
        "judge",
        "채점",
        "judge",
        footer=True,
        when="replied",
        told=("답 채점받기(고른 답이나 마지막 답)", "have the reply judged (the chosen or the last)"),
    ),
    Key(
        "f6",
        "conversations",
        "대화 목록",
        "conversations",
        footer=True,
        told=("대화 목록과 검색", "conversations and search"),
    ),
    Key("ctrl+g", "copy_last", "답 복사", "copy reply", told=("마지막 답 복사", "copy the last reply")),
    Key("f7", "parameters", "생성 설정", "parameters"),
    Key("f9", "show_prompt", "실제 프롬프트", "real prompt"),
    Key(
        "ctrl+t",
        "toggle_input",
        "입력 칸 열고 닫기",
        "input field on or off",
        told=("입력 칸 열고 닫기(지시와 따로 줄 글)", "input field on or off (text beside the instruction)"),
    ),
    Key("ctrl+o", "attach", "텍스트 파일이나 PDF 첨부", "attach a text file or a PDF"),
    Key("pageup", "page_up", "대화 위로", "scroll up"),
    Key("pagedown", "page_down", "대화 아래로", "scroll down"),
    Key("ctrl+end", "newest", "맨 아래로", "to the newest"),
)

PROMPT = (
    Key("enter", "send", "보내기", "send", footer=True),
    Key("shift+enter,ctrl+j,alt+enter", "newline", "줄바꿈", "new line", footer=True),
    Key("ctrl+x", "edit_outside", "편집기로 쓰기($EDITOR)", "write in $EDITOR"),
    Key("up", "earlier", "이전에 보낸 글(첫 줄에서)", "earlier prompt (on the first line)"),
    Key("down", "later", "다음에 보낸 글(끝 줄에서)", "later prompt (on the last line)"),
    Key("shift+tab", "to_thread", "대화로 가기", "to the thread"),
)

THREAD = (
    Key("escape", "to_prompt", "입력으로", "to the prompt", footer=True),
    Key("c", "copy", "복사", "copy", footer=True, told=("글 복사", "copy the text")),
    Key(
        "b",
        "copy_code",
        "코드 복사",
        "copy code",
        footer=True,
        when="has code",
        told=("코드 블록 복사", "copy the code block"),
    ),
    Key(
        "e",
        "edit",
        "고치기",
        "edit",
        footer=True,
        when="asked",
        told=("질문 고쳐 보내기", "edit and resend the question"),
    ),
    Key("r", "regenerate", "다시", "again", footer=True, when="asked", told=("답 다시 받기", "answer again")),
    Key(
        "w",
        "correct",
        "고쳐 쓰기",
        "correct",
        footer=True,
        when="has reply",
        told=(
            "원하는 답으로 고쳐 쓰기(원래 답은 남아요)",
            "rewrite the reply into the answer you wanted; the reply stays",
        ),
    ),
    Key(
        "g",
        "keep",
        "좋은 답",
        "good",
        footer=True,
        when="has reply",
        told=("좋은 답으로 남기거나 풀기(학습에 써요)", "keep it as a good answer to learn from, or take that back"),
    ),
    Key(
        "x",
        "never",
        "학습에서 빼기",
        "never train",
        when="has reply",
        told=("학습에서 빼거나 되돌리기", "never train on it, or take that back"),
    ),
    Key(
        "f",
        "feedback",
        "피드백",
        "feedback",
        told=("남긴 피드백 모두 보기", "everything that was said of replies"),
    ),
    Key("t", "thinking", "생각", "thinking", told=("생각 펼치고 접기", "unfold what it thought")),
    Key("left", "branch(-1)", "이전 갈래", "earlier branch", footer=True, when="has earlier branch"),
    Key("right", "branch(1)", "다음 갈래", "later branch", footer=True, when="has later branch"),
    Key("up,k", "choose(-1)", "이전 차례", "turn above"),
    Key("down,j", "choose(1)", "다음 차례", "turn below"),
)

# Its actions have names of their own: a key stands in the footer where its action is bound, whichever scope lists it.
COMPARE = (
    Key(
        "escape",
        "stop_columns",
        "멈춤",
        "stop",
        footer=True,
        when="streaming",
        told=("고른 칸 멈추기, 아니면 모두 멈추기", "stop the focused column, else all"),
    ),
    Key(
        "ctrl+r",
        "ask_again",
        "다시",
        "again",
        footer=True,
        when="asked",
        told=("모든 칸에 다시 묻기", "ask all columns again"),
    ),
    Key("f2", "contestants", "참가자", "who", footer=True, told=("누구를 비교할지 고르기", "choose who is compared")),
    Key("tab", "next_column", "칸 이동", "columns", footer=True, told=("다음 칸으로", "to the next column")),
    Key(
        "ctrl+l",
        "blind",
        "가리기",
        "blind",
        footer=True,
        told=("이름 가리고 비교하기", "hide the names until the vote"),
    ),
    Key(
        "f3",
        "judge_columns",
        "채점",
        "judge",
        footer=True,
        when="replied",
        told=(
            "고른 칸의 답, 고르지 않았으면 모든 칸의 답 채점받기",
            "have the focused column's reply judged, else all",
        ),
    ),
    Key("ctrl+n", "new_comparison", "새 비교", "new", footer=True, when="begun", told=("새 비교", "new comparison")),
    Key("f9", "ratings", "순위", "ratings", footer=True, told=("투표로 매긴 순위", "ratings from the votes")),
    Key(
        "f6", "earlier_comparisons", "지난 비교", "earlier", footer=True, told=("지난 비교 열기", "earlier comparisons")
    ),
    Key(
        "ctrl+o",
        "question_set",
        "질문 모음",
        "question set",
        told=("파일의 질문을 차례로 비교하기", "go through the questions of a file"),
    ),
    Key("f7", "shared_parameters", "생성 설정", "parameters"),
    Key("ctrl+t", "input_field", "입력 칸 열고 닫기", "input field on or off"),
    Key("pageup", "columns_up", "칸 위로", "scroll up"),
    Key("pagedown", "columns_down", "칸 아래로", "scroll down"),
    Key("ctrl+end", "columns_end", "맨 아래로", "to the newest"),
)

COLUMN = (
    Key("o", "only_here", "이 칸에만", "only here", footer=True, told=("이 칸에만 이어 묻기", "ask only this column")),
    Key(
        "s", "in_step", "같이 스크롤", "in step", footer=True, told=("모든 칸을 같이 스크롤", "columns scroll together")
    ),
    Key(
        "p",
        "judge_pairs",
        "둘씩 채점",
        "judge pairs",
        footer=True,
        told=(
            "이 칸의 답을 다른 칸들과 둘씩 채점받기(순서를 바꿔 두 번)",
            "have this reply judged against each of the others, in both orders",
        ),
    ),
)

# No key that types something: what is typed at the bar is the next question.
VOTE = (
    Key("left", "choose_vote(-1)", "이전 답", "one before", told=("이전 답 고르기", "choose the one before")),
    Key("right", "choose_vote(1)", "고르기", "choose", footer=True, told=("다음 답 고르기", "choose the next one")),
    Key(
        "enter",
        "vote",
        "투표",
        "vote",
        footer=True,
        told=("고른 답에 투표(투표했으면 다음 질문으로)", "vote for the chosen one (then: to the next question)"),
    ),
)

SIDEBAR = (
    Key("enter", "take", "열기", "open", footer=True, when="has row"),
    Key("f2", "rename", "이름", "rename", footer=True, when="has row", told=("이름 바꾸기", "rename")),
    Key("delete", "delete", "지우기", "delete", footer=True, when="has row"),
    Key("u", "undo", "되살리기", "restore", told=("마지막에 지운 대화 되살리기", "restore what was deleted last")),
    Key(
        "p", "pin", "고정", "pin", footer=True, when="has row", told=("위에 고정하거나 풀기", "pin to the top or unpin")
    ),
    Key("e", "export_one", "내보내기", "export", told=("파일로 내보내기", "export into a file")),
    Key("i", "import_some", "가져오기", "import", told=("파일에서 가져오기", "import from a file")),
    Key("escape", "back", "돌아가기", "back", footer=True),
    Key("up", "cursor_up", "위로", "up"),
    Key("down", "cursor_down", "아래로", "down"),
)

BROWSER = (
    Key("enter", "choose", "쓰기", "use", footer=True, when="usable"),
    Key("d", "download", "받기", "download", footer=True, when="downloadable"),
    Key("p", "pause", "멈춤", "pause", footer=True, when="pausable"),
    Key("z", "quantise", "4비트", "quantise", footer=True, when="quantisable"),
    Key("x", "remove", "지우기", "remove", footer=True, when="removable"),
    Key("a", "add", "추가", "add", footer=True),
    Key("slash", "search", "찾기", "filter", footer=True),
    Key("escape", "leave", "돌아가기", "back", footer=True),
    Key("l", "licence", "라이선스", "licence", footer=True),
    Key("k", "key", "키 저장", "store a key", footer=True),
    Key("c", "prune", "디스크 비우기", "free disk space", footer=True),
)

# Their actions have names of their own: the footer tells keys apart by spelling and action.
EVALUATIONS = (
    Key("enter", "open_run", "열기", "open", footer=True),
    Key("n", "new_run", "새 평가", "new", footer=True, told=("새 평가", "a new evaluation")),
    Key("r", "resume_run", "이어서", "go on", footer=True, told=("이어서 하기", "go on where it stopped")),
    Key("s", "stop_run", "멈춤", "stop", footer=True, told=("평가 멈추기", "stop the evaluation")),
    Key("escape", "leave_runs", "대화로", "to the chat", footer=True),
    Key(
        "c",
        "copy_run",
        "복제",
        "like this",
        footer=True,
        told=("같은 설정으로 새 평가", "a new evaluation like this one"),
    ),
    Key("delete", "forget_run", "지우기", "remove", footer=True, told=("목록에서 빼기", "take it off the list")),
    Key(
        "p",
        "study",
        "연구",
        "study",
        told=("논문의 실험을 처음부터 끝까지", "the paper's experiment from its sources to its report"),
    ),
)

SYSTEMS = (
    Key(
        "space,enter",
        "pick",
        "고르기",
        "choose",
        footer=True,
        told=("시스템 고르거나 빼기", "choose a system or put it back"),
    ),
)

EVALUATION_FORM = (
    Key("ctrl+r", "begin", "시작", "begin", footer=True, told=("평가 시작", "begin the evaluation")),
    Key("escape", "leave_form", "취소", "leave", footer=True),
)

EVALUATION = (
    Key("escape", "leave_run", "목록", "list", footer=True, told=("평가 목록으로", "to the list of evaluations")),
    Key("o", "view('progress')", "진행", "progress"),
    Key("t", "view('table')", "표", "table"),
    Key("p", "view('plot')", "그림", "plot"),
    Key("i", "view('items')", "문항", "items"),
    Key("h", "view('people')", "사람", "people"),
    Key(
        "enter",
        "rate",
        "점수 매기기",
        "rate",
        footer=True,
        told=("사람이 점수 매기기(가리고)", "people give scores, blind"),
    ),
    Key("r", "go_on", "이어서", "go on", footer=True, told=("이어서 하기", "go on where it stopped")),
    Key("s", "halt", "멈춤", "stop", footer=True, told=("평가 멈추기", "stop the evaluation")),
    Key("e", "export", "내보내기", "export", footer=True, told=("보고서 내보내기", "export a report")),
    Key(
        "v",
        "whose",
        "누구 점수",
        "whose",
        footer=True,
        told=("채점자나 사람의 점수로", "the judge's scores or a person's"),
    ),
    Key("c", "copy_this", "복제", "like this", told=("같은 설정으로 새 평가", "a new evaluation like this one")),
)

ITEMS = (
    Key("f", "filter_items", "필터", "filter", footer=True),
    Key("slash,g", "find_item", "찾기", "find", footer=True, told=("번호나 낱말로 찾기", "find by number or words")),
    Key("w", "raw", "원문", "raw", footer=True, told=("채점자의 글 그대로", "the judge word for word")),
    Key("left", "system(-1)", "이전 시스템", "earlier system"),
    Key("right", "system(1)", "다음 시스템", "later system"),
    Key("n", "item(1)", "다음 문항", "next item", footer=True),
    Key("b", "item(-1)", "이전 문항", "item before"),
)

RATING = (
    Key(
        "backspace",
        "take_back",
        "고치기",
        "correct",
        footer=True,
        told=("이전 점수 고치기", "correct the score before"),
    ),
    Key("s", "skip", "건너뛰기", "skip", footer=True),
    Key(
        "u",
        "rate_before",
        "이전 답으로",
        "answer before",
        footer=True,
        told=("이전 답의 점수 다시 매기기", "rate the answer before again"),
    ),
    Key("escape", "leave_rating", "끝내기", "finish", footer=True),
)

DIALOG = (
    Key("enter", "accept", "확인", "accept", footer=True),
    Key("escape", "cancel", "취소", "cancel", footer=True),
)


@dataclass(frozen=True)
class Scope:
    korean: str
    english: str
    keys: tuple[Key, ...]
    typing: bool  # a text field has the focus here: plain letters are text

    @property
    def name(self) -> str:
        return say(self.korean, self.english)


SCOPES = (
    Scope("어디서나", "Everywhere", GLOBAL, typing=True),
    Scope("대화", "Chat", CHAT, typing=True),
    Scope("입력", "Prompt", PROMPT, typing=True),
    Scope("대화 글(⇧⇥ 또는 마우스로)", "Thread (by ⇧⇥ or mouse)", THREAD, typing=False),
    Scope("대화 목록", "Conversations", SIDEBAR, typing=False),
    Scope("비교", "Compare", COMPARE, typing=True),
    Scope("비교의 칸(⇥)", "A column of a comparison (⇥)", COLUMN, typing=False),
    Scope("투표(⇧⇥, 답이 다 오면 자동으로)", "Voting (⇧⇥, or by itself once all have answered)", VOTE, typing=False),
    Scope("모델", "Models", BROWSER, typing=False),
    Scope("평가 목록", "Evaluations", EVALUATIONS, typing=False),
    Scope("새 평가", "A new evaluation", EVALUATION_FORM, typing=True),
    Scope("새 평가의 시스템", "Systems of a new evaluation", SYSTEMS, typing=False),
    Scope("평가", "Evaluation", EVALUATION, typing=False),
    Scope("평가 문항", "Items of an evaluation", ITEMS, typing=False),
    Scope("점수 매기기(숫자 키)", "Rating (digits)", RATING, typing=False),
    Scope("학습 목록", "Trainings", TRAIN, typing=False),
    Scope("새 학습", "A new training", TRAIN_NEW, typing=True),
    Scope("새 학습의 레시피", "Recipes of a new training", TRAIN_RECIPES, typing=False),
    Scope("장비", "Machines", MACHINES, typing=False),
    Scope("학습", "A job", TRAIN_PAGE, typing=False),
    Scope("학습 곡선", "Curves of a job", TRAIN_CURVES, typing=False),
    Scope("학습의 GPU와 장비", "Cards of a job", TRAIN_CARDS, typing=False),
    Scope("학습 기록", "Log of a job", TRAIN_LOG, typing=False),
    Scope("학습의 예시 답", "Sample replies of a job", TRAIN_REPLIES, typing=False),
    Scope("여러 학습", "Several jobs", OVERLAY, typing=False),
    Scope("피드백", "Feedback", FEEDBACK, typing=False),
    Scope("학습 전후", "Before and after", AFTER, typing=False),
    Scope("연구", "Studies", STUDY, typing=False),
    Scope("데이터", "Data sets", DATA, typing=False),
    Scope("데이터의 행", "Rows of a data set", DATA_ROWS, typing=False),
    Scope("데이터 소스", "Sources of data", DATA_SOURCES, typing=False),
    Scope("물음 창", "Dialog", DIALOG, typing=True),
)


def bindings(scope: tuple[Key, ...]) -> list[BindingType]:
    return [binding(key) for key in scope]


def binding(key: Key) -> Binding:
    from textual.binding import Binding

    return Binding(key.key, key.action, key.english, show=key.footer, priority=key.action in PRIORITY_ACTIONS)
