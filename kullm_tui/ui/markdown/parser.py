"""Markdown as a Korean reply is written: bold beside particles, nothing that opens or runs.

CommonMark decides by the characters on both sides of `**` whether it may open or close, and knows only spaces and punctuation. Korean
writes particles without a space, so `**한국어(Korean)**는` would stay literal (github.com/commonmark/commonmark-spec/issues/650).
HTML is text, bare addresses are text, and so are definitions of links, which would reach from one end of a reply to the other. Nothing nests
deeper than MAX_NESTING.
"""

from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline.state_inline import Scanned, StateInline
from markdown_it.token import Token

MAX_NESTING = 20
_BUSIEST = 1000  # signs in one paragraph; matching them costs their square, and nobody means so many
_SIGNS = "*_~[`<&!"
_SPREADING = "*~"  # markers that may stand inside a word; `_` may not, or snake_case would lean
# Hangul syllables and jamo, CJK and its extensions, kana: letters of scripts that put no space where a word ends.
_UNSPACED = (
    (0x1100, 0x11FF),
    (0x3040, 0x30FF),
    (0x3130, 0x318F),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xA960, 0xA97F),
    (0xAC00, 0xD7FF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)


def parse(source: str) -> list[Token]:
    return _parser().parse(source)


def parse_words(words: str) -> Token:
    """The token of one line that is known to be a paragraph."""
    return _parser().parseInline(words)[0]


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False, "maxNesting": MAX_NESTING})
    parser.enable(["table", "strikethrough"])
    parser.disable(["reference", "html_block", "html_inline"])
    inline = _KoreanInline()
    inline.ruler, inline.ruler2 = parser.inline.ruler, parser.inline.ruler2
    parser.inline = inline
    return parser


class _KoreanInline(ParserInline):
    def parse(self, src: str, md: MarkdownIt, env: Any, tokens: list[Token]) -> list[Token]:
        state = _KoreanState(src, md, env, tokens)
        if sum(map(src.count, _SIGNS)) > _BUSIEST:
            state.push("text", "", 0).content = src
            return state.tokens
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


class _KoreanState(StateInline):
    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:  # noqa: N802, N803 (markdown-it's own names)
        found = super().scanDelims(start, canSplitWord)
        marker = self.src[start]
        if marker not in _SPREADING:
            return found
        before = self.src[start - 1] if start else " "
        end = start + found.length
        after = self.src[end] if end < self.posMax else " "
        arithmetic = marker == "*" and _is_latin_word(before) and _is_latin_word(after)  # 2**10, a*b*c
        return Scanned(
            not arithmetic and (found.can_open or (_is_punctuation(after) and _is_unspaced(before))),
            found.can_close or (_is_punctuation(before) and _is_unspaced(after)),
            found.length,
        )


def _is_latin_word(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _is_punctuation(character: str) -> bool:
    return not isWhiteSpace(ord(character)) and (isMdAsciiPunct(ord(character)) or isPunctChar(character))


def _is_unspaced(character: str) -> bool:
    code = ord(character)
    return any(first <= code <= last for first, last in _UNSPACED)
