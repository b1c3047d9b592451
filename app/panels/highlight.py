"""Colours for Python and OpenQASM source, light and dark."""

from __future__ import annotations

import keyword
import re

from PySide6.QtGui import QFont, QSyntaxHighlighter, QTextCharFormat, QTextDocument

from app import theme

_PYTHON = re.compile(
    r"(?P<comment>#.*$)"
    r"|(?P<string>\b[fFrRbB]{0,2}(?:\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'))"
    r"|(?P<decorator>^\s*@[\w.]+)"
    r"|(?:\b(?:def|class)\s+(?P<name>\w+))"
    rf"|(?P<word>\b(?:{'|'.join(keyword.kwlist)})\b)"
    r"|(?P<number>\b\d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)?\b)"
)
_QASM = re.compile(
    r"(?P<comment>//.*$)"
    r"|(?P<string>\"[^\"]*\")"
    r"|(?P<word>\b(?:OPENQASM|include|qreg|creg|measure)\b)"
    r"|(?P<number>-?\b\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b)"
)
_TRIPLE = re.compile(r'"""|\'\'\'')
_NO_STRING = -1


class Highlight(QSyntaxHighlighter):
    """Colours ``document`` as Python, or as OpenQASM when `qasm` is set."""

    def __init__(self, document: QTextDocument) -> None:
        super().__init__(document)
        self.qasm = False
        self._restyle()
        theme.changed.connect(self._restyle)

    def _restyle(self) -> None:
        look = theme.current()
        colours = {
            "comment": look.muted, "string": look.right, "decorator": look.template,
            "name": look.rotation, "word": look.template, "number": look.entangling,
        }  # fmt: skip
        self._formats = {}
        for kind, colour in colours.items():
            self._formats[kind] = QTextCharFormat()
            self._formats[kind].setForeground(look.ink(colour))
        self._formats["comment"].setFontItalic(True)
        self._formats["name"].setFontWeight(QFont.Weight.DemiBold)
        self.rehighlight()

    def highlightBlock(self, text: str) -> None:
        """Colour one line; strings in triple quotes go on over lines."""
        start = 0
        quotes = ('"""', "'''")
        state = _NO_STRING if self.qasm else self.previousBlockState()
        while True:
            if state in (0, 1):
                end = text.find(quotes[state], start)
                stop = len(text) if end < 0 else end + 3
                self.setFormat(start, stop - start, self._formats["string"])
                if end < 0:
                    self.setCurrentBlockState(state)
                    return
                start = stop
            opening = None if self.qasm else self._opening(text, start)
            self._colour(text, start, opening if opening is not None else len(text))
            if opening is None:
                self.setCurrentBlockState(_NO_STRING)
                return
            state = quotes.index(text[opening : opening + 3])
            self.setFormat(opening, 3, self._formats["string"])
            start = opening + 3

    @staticmethod
    def _opening(text: str, start: int) -> int | None:
        """Where a triple-quoted string begins that is not inside a comment."""
        found = _TRIPLE.search(text, start)
        if found is None or "#" in text[start : found.start()]:
            return None
        return found.start()

    def _colour(self, text: str, start: int, stop: int) -> None:
        rules = _QASM if self.qasm else _PYTHON
        for found in rules.finditer(text, start, stop):
            kind = found.lastgroup
            if kind is not None:
                self.setFormat(found.start(kind), len(found[kind]), self._formats[kind])
