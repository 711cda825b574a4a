package parser

import (
	"strings"
	"unicode/utf8"

	"github.com/freshetdb/freshet/sql/sqlerr"
)

// lexer cuts a text into tokens. Source of the rules: PostgreSQL, "Lexical Structure"; ksqlDB's grammar for back-quoted
// names, names that begin with a digit and names with an @.
type lexer struct {
	src     string
	at      int
	tokens  []token
	nesting int
	open    bool // the text ends inside a string, a name or a comment
}

// lex returns the tokens of src, closed by one of kind eof.
func lex(src string) ([]token, error) {
	l, err := scan(src)
	return l.tokens, err
}

// scan reads src to its end or the first mistake.
func scan(src string) (*lexer, error) {
	l := &lexer{src: src}
	if len(src) > maxTextBytes {
		return l, sqlerr.Newf(sqlerr.ProgramLimitExceeded, 0, "statement of %d bytes is longer than %d", len(src), maxTextBytes)
	}
	if i := invalidByte(src); i >= 0 {
		return l, sqlerr.Newf(sqlerr.CharacterNotInRepertoire, sqlerr.At(i), "invalid byte for encoding \"UTF8\": 0x%02x", src[i])
	}
	l.tokens = make([]token, 0, len(src)/5+8)
	for {
		if err := l.skipBlanks(); err != nil {
			return l, err
		}
		if l.at >= len(src) {
			break
		}
		if err := l.next(); err != nil {
			return l, err
		}
		if len(l.tokens) > maxTokens {
			return l, sqlerr.Newf(sqlerr.ProgramLimitExceeded, sqlerr.At(l.at), "statement has more than %d words", maxTokens)
		}
	}
	l.tokens = append(l.tokens, token{kind: eof, at: int32(len(src)), end: int32(len(src))})
	return l, nil
}

// invalidByte finds the first byte that is no UTF-8 or is zero; -1 when there is none.
func invalidByte(s string) int {
	for i := 0; i < len(s); {
		if s[i] == 0 {
			return i
		}
		if s[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// unterminated is the error of what begins at a byte and never ends.
func (l *lexer) unterminated(at int, what string) error {
	l.open = true
	return l.errorf(at, "unterminated %s", what)
}

func (l *lexer) errorf(at int, format string, args ...any) error {
	return sqlerr.Newf(sqlerr.SyntaxError, sqlerr.At(at), format, args...)
}

// peek is the byte n after the current one, 0 beyond the end.
func (l *lexer) peek(n int) byte {
	if l.at+n < len(l.src) {
		return l.src[l.at+n]
	}
	return 0
}

// add appends the token that ends before end, and goes there.
func (l *lexer) add(k kind, value string, end int) {
	l.tokens = append(l.tokens, token{kind: k, text: value, at: int32(l.at), end: int32(end)})
	l.at = end
}

const (
	noBreakSpace  = "\u00a0"
	byteOrderMark = "\ufeff"
)

// skipBlanks passes white space and comments; block comments nest.
func (l *lexer) skipBlanks() error {
	for l.at < len(l.src) {
		switch c := l.src[l.at]; {
		case c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' || c == '\v':
			l.at++
		case c == '-' && l.peek(1) == '-':
			if n := strings.IndexByte(l.src[l.at:], '\n'); n >= 0 {
				l.at += n + 1
			} else {
				l.at = len(l.src)
			}
		case c == '/' && l.peek(1) == '*':
			if err := l.blockComment(); err != nil {
				return err
			}
		case strings.HasPrefix(l.src[l.at:], noBreakSpace):
			l.at += len(noBreakSpace)
		case strings.HasPrefix(l.src[l.at:], byteOrderMark):
			l.at += len(byteOrderMark)
		default:
			return nil
		}
	}
	return nil
}

func (l *lexer) blockComment() error {
	start := l.at
	for depth := 0; l.at < len(l.src); {
		switch {
		case l.src[l.at] == '/' && l.peek(1) == '*':
			depth++
			l.at += 2
		case l.src[l.at] == '*' && l.peek(1) == '/':
			depth--
			l.at += 2
			if depth == 0 {
				return nil
			}
		default:
			l.at++
		}
	}
	return l.unterminated(start, "/* comment")
}

func wordStart(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func wordPart(c byte) bool { return wordStart(c) || digit(c) || c == '$' }

// next appends the token that begins at the current byte.
func (l *lexer) next() error {
	c := l.src[l.at]
	switch {
	case l.prefixedString(c):
		return l.prefixed(c)
	case wordStart(c):
		l.word()
	case digit(c) || c == '.' && digit(l.peek(1)) && !l.behindName():
		return l.number()
	case c == '\'':
		return l.stringLiteral(l.at, false)
	case c == '"' || c == '`':
		return l.quotedIdent(c)
	case c == '$':
		return l.dollar()
	default:
		return l.symbol(c)
	}
	return nil
}

// behindName tells whether a name ends right here, so that a dot leads to its next part: t.1abc.
func (l *lexer) behindName() bool {
	if len(l.tokens) == 0 {
		return false
	}
	last := &l.tokens[len(l.tokens)-1]
	return int(last.end) == l.at && (last.kind == word || last.kind == quoted)
}

// word appends an unquoted word; an @ inside belongs to it.
func (l *lexer) word() {
	end := l.at + 1
	for end < len(l.src) && (wordPart(l.src[end]) || l.src[end] == '@' && end+1 < len(l.src) && wordPart(l.src[end+1])) {
		if strings.HasPrefix(l.src[end:], noBreakSpace) {
			break
		}
		end++
	}
	s := l.src[l.at:end]
	l.add(word, s, end)
	l.tokens[len(l.tokens)-1].up = keyword(s)
}

// number appends a number, or the word that begins with a digit (ksqlDB).
func (l *lexer) number() error {
	end := l.at
	digits := func() {
		for end < len(l.src) && (digit(l.src[end]) || l.src[end] == '_' && end+1 < len(l.src) && digit(l.src[end+1]) && digit(l.src[end-1])) {
			end++
		}
	}
	if l.src[end] == '0' && (l.peek(1)|' ' == 'x' || l.peek(1)|' ' == 'o' || l.peek(1)|' ' == 'b') && isHex(l.peek(2)) {
		for end += 2; end < len(l.src) && wordPart(l.src[end]); end++ {
		}
		l.add(number, l.src[l.at:end], end)
		return nil
	}
	digits()
	if end < len(l.src) && l.src[end] == '.' && !strings.HasPrefix(l.src[end:], "..") {
		end++
		digits()
	}
	if end < len(l.src) && l.src[end]|' ' == 'e' {
		exp := end + 1
		if exp < len(l.src) && (l.src[exp] == '+' || l.src[exp] == '-') {
			exp++
		}
		if exp < len(l.src) && digit(l.src[exp]) {
			end = exp
			digits()
		}
	}
	if end < len(l.src) && wordStart(l.src[end]) && !strings.HasPrefix(l.src[end:], noBreakSpace) {
		return l.digitWord(end)
	}
	l.add(number, l.src[l.at:end], end)
	return nil
}

// digitWord appends a name such as 1abc.
func (l *lexer) digitWord(end int) error {
	if strings.IndexByte(l.src[l.at:end], '.') >= 0 {
		return l.errorf(l.at, "trailing junk after numeric literal at or near %q", l.src[l.at:end+1])
	}
	for end < len(l.src) && wordPart(l.src[end]) {
		end++
	}
	l.add(word, l.src[l.at:end], end)
	return nil
}

const (
	punctuation   = "()[]{},;.:"
	operatorChars = "+-*/<>=~!@#%^&|?"
	specialChars  = "~!@#%^&|?" // an operator with one of these may end in + or -
)

// symbol appends an operator or a punctuation mark.
func (l *lexer) symbol(c byte) error {
	switch {
	case c == ':' && (l.peek(1) == ':' || l.peek(1) == '='):
		l.addSymbol(l.at + 2)
	case strings.IndexByte(punctuation, c) >= 0:
		return l.punctuation(c)
	case strings.IndexByte(operatorChars, c) >= 0:
		l.addSymbol(l.operatorEnd())
	default:
		r, _ := utf8.DecodeRuneInString(l.src[l.at:])
		return l.errorf(l.at, "syntax error at or near %q", string(r))
	}
	return nil
}

func (l *lexer) addSymbol(end int) {
	s := l.src[l.at:end]
	l.add(symbol, s, end)
	l.tokens[len(l.tokens)-1].up = s
}

// punctuation appends a mark and refuses what nests too deep before anything tries to parse it.
func (l *lexer) punctuation(c byte) error {
	switch c {
	case '(', '[', '{':
		if l.nesting++; l.nesting > maxNesting {
			return tooDeep(sqlerr.At(l.at))
		}
	case ')', ']', '}':
		l.nesting = max(0, l.nesting-1)
	case ';':
		l.nesting = 0
	}
	l.addSymbol(l.at + 1)
	return nil
}

func tooDeep(at sqlerr.Pos) error {
	return sqlerr.Newf(sqlerr.StatementTooComplex, at, "statement is nested more than %d levels deep", maxNesting)
}

// operatorEnd finds the end of the operator at the current byte.
func (l *lexer) operatorEnd() int {
	end := l.at + 1
	for end < len(l.src) && strings.IndexByte(operatorChars, l.src[end]) >= 0 &&
		!strings.HasPrefix(l.src[end:], "--") && !strings.HasPrefix(l.src[end:], "/*") {
		end++
	}
	for end-l.at > 1 && (l.src[end-1] == '+' || l.src[end-1] == '-') && !strings.ContainsAny(l.src[l.at:end], specialChars) {
		end--
	}
	op := l.src[l.at:end]
	if op[0] == '*' {
		return l.at + 1
	}
	if n := len(op) - 1; n > 0 && op[n] == '*' && !strings.HasSuffix(op, "~*") {
		return end - 1
	}
	return end
}
