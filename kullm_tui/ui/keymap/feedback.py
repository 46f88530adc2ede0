"""The keys of feedback: what was said of replies, and what is made of it."""

from kullm_tui.ui.keymap.key import Key

FEEDBACK = (
    Key("enter", "open_talk", "대화로", "its chat", footer=True, told=("그 답이 있는 대화 열기", "open the conversation where it was said")),
    Key("t", "teach", "학습", "train", footer=True, told=("이 피드백으로 대화의 모델 학습하기", "teach the chat's model what was said")),
    Key("f", "next_kind", "거르기", "filter", footer=True, told=("종류와 빠진 것, 개인 정보로 거르기", "by kind, what is left out, what may be personal")),
    Key("m", "next_model", "모델", "model", footer=True, told=("모델마다 보기", "of one model after the other")),
    Key("slash", "find_feedback", "찾기", "find", footer=True, told=("글에 있는 말로 찾기", "find by words in the text")),
    Key("x", "never_this", "학습에서 빼기", "never train", footer=True, told=("이 답을 학습에서 빼거나 다시 넣기", "never train on this reply, or take that back")),
    Key("e", "export_feedback", "내보내기", "export", footer=True, told=("학습할 것을 파일로 내보내기", "write what can be learnt into a file")),
    Key("escape", "leave_feedback", "돌아가기", "back", footer=True),
)  # fmt: skip

AFTER = (
    Key("c", "keep_it", "대화 모델로", "keep", footer=True, told=("이 모델을 대화의 모델로 쓰기", "answer with it in the chat from now on")),
    Key("u", "roll_back", "되돌리기", "roll back", footer=True, told=("대화의 모델을 그 전으로 되돌리기", "back to what answered in the chat before")),
    Key("1", "better(1)", "1이 나아요", "1 is better", footer=True, told=("1번 답이 나아요", "answer 1 is better")),
    Key("2", "better(2)", "2가 나아요", "2 is better", footer=True, told=("2번 답이 나아요", "answer 2 is better")),
    Key("0", "better(0)", "비김", "tie", footer=True, told=("비슷해요", "neither is better")),
    Key("escape", "leave_after", "돌아가기", "back", footer=True),
)  # fmt: skip
