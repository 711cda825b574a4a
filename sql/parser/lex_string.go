package parser

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// prefixedString tells whether a letter begins a string: E”, B”, X”, N”, U&” or U&"".
func (l *lexer) prefixedString(c byte) bool {
	switch c | ' ' {
	case 'e', 'b', 'x', 'n':
		return l.peek(1) == '\''
	case 'u':
		return l.peek(1) == '&' && (l.peek(2) == '\'' || l.peek(2) == '"')
	}
	return false
}

func (l *lexer) prefixed(c byte) error {
	start := l.at
	switch c | ' ' {
	case 'e':
		return l.stringLiteral(l.at+1, true)
	case 'n':
		return l.stringLiteral(l.at+1, false)
	case 'u':
		return l.unicodeString()
	}
	body, end, ok := scanQuoted(l.src, l.at+1, '\'')
	if !ok {
		return l.unterminated(start, "bit string literal")
	}
	k, valid := bits, "01"
	if c|' ' == 'x' {
		k, valid = hex, "0123456789abcdefABCDEF"
	}
	if i := strings.IndexFunc(body, func(r rune) bool { return !strings.ContainsRune(valid, r) }); i >= 0 {
		return l.errorf(start+2+i, "%q is not a valid digit of a bit string", body[i:i+1])
	}
	l.add(k, body, end)
	return nil
}

// scanQuoted reads what stands between two quotes; the opening one is at start. A doubled quote stands for itself.
func scanQuoted(s string, start int, quote byte) (body string, end int, ok bool) {
	n := strings.IndexByte(s[start+1:], quote)
	if n < 0 {
		return "", 0, false
	}
	i := start + 1 + n
	if i+1 >= len(s) || s[i+1] != quote {
		return s[start+1 : i], i + 1, true
	}
	var b strings.Builder
	from := start + 1
	for {
		b.WriteString(s[from : i+1])
		from = i + 2
		n := strings.IndexByte(s[min(from, len(s)):], quote)
		if n < 0 {
			return "", 0, false
		}
		i = from + n
		if i+1 >= len(s) || s[i+1] != quote {
			b.WriteString(s[from:i])
			return b.String(), i + 1, true
		}
	}
}

// stringLiteral appends a text literal whose quote is at open; literals with a line break between them are one.
func (l *lexer) stringLiteral(open int, escapes bool) error {
	var parts []string
	for {
		var body string
		var end int
		if escapes {
			var err error
			if body, end, err = l.escaped(open); err != nil {
				return err
			}
		} else {
			var ok bool
			if body, end, ok = scanQuoted(l.src, open, '\''); !ok {
				return l.unterminated(l.at, "quoted string")
			}
		}
		next := continuation(l.src, end)
		if next < 0 {
			if parts != nil {
				body = strings.Join(append(parts, body), "")
			}
			l.add(text, body, end)
			return nil
		}
		parts = append(parts, body)
		open = next
	}
}

// continuation finds the quote of a literal that goes on after a line break; -1 when there is none.
func continuation(s string, at int) int {
	line := false
	for at < len(s) {
		switch {
		case s[at] == '\n' || s[at] == '\r':
			line = true
		case s[at] == ' ' || s[at] == '\t' || s[at] == '\f':
		case s[at] == '\'' && line:
			return at
		default:
			return -1
		}
		at++
	}
	return -1
}

// escaped reads an E” string whose quote is at open.
func (l *lexer) escaped(open int) (string, int, error) {
	var b strings.Builder
	for i := open + 1; i < len(l.src); {
		switch c := l.src[i]; {
		case c == '\'' && i+1 < len(l.src) && l.src[i+1] == '\'':
			b.WriteByte('\'')
			i += 2
		case c == '\'':
			if s := b.String(); utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
				return s, i + 1, nil
			}
			return "", 0, l.errorf(open, "escapes make bytes that are not UTF-8")
		case c == '\\' && i+1 < len(l.src):
			n, err := l.escape(&b, i)
			if err != nil {
				return "", 0, err
			}
			i += n
		default:
			b.WriteByte(c)
			i++
		}
	}
	return "", 0, l.unterminated(l.at, "quoted string")
}

// escape decodes the escape at i and tells how long it is.
func (l *lexer) escape(b *strings.Builder, i int) (int, error) {
	const simple = "b\bf\fn\nr\rt\t"
	c := l.src[i+1]
	if n := strings.IndexByte(simple, c); n >= 0 && n%2 == 0 {
		b.WriteByte(simple[n+1])
		return 2, nil
	}
	switch {
	case c == 'u' || c == 'U':
		size := 4
		if c == 'U' {
			size = 8
		}
		return l.codePoint(b, i, i+2, size)
	case c == 'x' && i+2 < len(l.src) && isHex(l.src[i+2]):
		return 2 + l.byteValue(b, i+2, 2, 16), nil
	case c >= '0' && c <= '7':
		return 1 + l.byteValue(b, i+1, 3, 8), nil
	}
	b.WriteByte(c)
	return 2, nil
}

// byteValue writes the byte whose digits begin at from, and tells how many digits there are.
func (l *lexer) byteValue(b *strings.Builder, from, most, base int) int {
	n := 0
	for n < most && from+n < len(l.src) && isHex(l.src[from+n]) && (base == 16 || l.src[from+n] <= '7' && digit(l.src[from+n])) {
		n++
	}
	v, _ := strconv.ParseUint(l.src[from:from+n], base, 16)
	b.WriteByte(byte(v))
	return n
}

// codePoint writes the character with the size hexadecimal digits at from; at is where its escape begins.
func (l *lexer) codePoint(b *strings.Builder, at, from, size int) (int, error) {
	if from+size <= len(l.src) {
		if v, err := strconv.ParseUint(l.src[from:from+size], 16, 32); err == nil && v > 0 {
			r := rune(v)
			if v < utf8.MaxRune+1 && utf8.ValidRune(r) {
				b.WriteRune(r)
				return from + size - at, nil
			}
			if low, ok := l.lowSurrogate(r, from+size); ok {
				b.WriteRune(low)
				return from + size + 2 + 4 - at, nil
			}
		}
	}
	return 0, l.errorf(at, "invalid Unicode escape")
}

// lowSurrogate completes a pair whose high half is high, when the low half stands at from.
func (l *lexer) lowSurrogate(high rune, from int) (rune, bool) {
	if high < 0xd800 || high > 0xdbff || from+6 > len(l.src) || l.src[from] != '\\' || l.src[from+1] != 'u' {
		return 0, false
	}
	v, err := strconv.ParseUint(l.src[from+2:from+6], 16, 32)
	if err != nil || v < 0xdc00 || v > 0xdfff {
		return 0, false
	}
	return 0x10000 + (high-0xd800)<<10 + (rune(v) - 0xdc00), true
}

func isHex(c byte) bool { return digit(c) || c|' ' >= 'a' && c|' ' <= 'f' }

// unicodeString appends U&'…' or U&"…" with the backslash as escape character.
func (l *lexer) unicodeString() error {
	quote := l.src[l.at+2]
	body, end, ok := scanQuoted(l.src, l.at+2, quote)
	if !ok {
		return l.unterminated(l.at, "quoted string")
	}
	decoded, err := l.unicodeEscapes(body)
	if err != nil {
		return err
	}
	if quote == '\'' {
		l.add(text, decoded, end)
		return nil
	}
	if decoded == "" {
		return l.errorf(l.at, "zero-length delimited identifier")
	}
	l.add(quoted, decoded, end)
	return nil
}

func (l *lexer) unicodeEscapes(body string) (string, error) {
	if strings.IndexByte(body, '\\') < 0 {
		return body, nil
	}
	var b strings.Builder
	inner := &lexer{src: body}
	for i := 0; i < len(body); {
		if body[i] != '\\' {
			b.WriteByte(body[i])
			i++
			continue
		}
		if i+1 < len(body) && body[i+1] == '\\' {
			b.WriteByte('\\')
			i += 2
			continue
		}
		from, size := i+1, 4
		if i+1 < len(body) && body[i+1] == '+' {
			from, size = i+2, 6
		}
		n, err := inner.codePoint(&b, i, from, size)
		if err != nil {
			return "", l.errorf(l.at, "invalid Unicode escape")
		}
		i += n
	}
	return b.String(), nil
}

// quotedIdent appends a name in double quotes or back-quotes.
func (l *lexer) quotedIdent(quote byte) error {
	body, end, ok := scanQuoted(l.src, l.at, quote)
	if !ok {
		return l.unterminated(l.at, "quoted identifier")
	}
	if body == "" {
		return l.errorf(l.at, "zero-length delimited identifier")
	}
	l.add(quoted, body, end)
	return nil
}

// dollar appends a parameter or a dollar-quoted string.
func (l *lexer) dollar() error {
	end := l.at + 1
	if digit(l.peek(1)) {
		for end < len(l.src) && digit(l.src[end]) {
			end++
		}
		l.add(param, l.src[l.at+1:end], end)
		return nil
	}
	if l.peek(1) == '{' {
		name := l.src[l.at+2:]
		if before, _, ok := strings.Cut(name, "}"); ok {
			return l.errorf(l.at, "variable %q is not defined", before)
		}
		return l.unterminated(l.at, "${variable}")
	}
	for end < len(l.src) && wordPart(l.src[end]) && l.src[end] != '$' {
		end++
	}
	if end >= len(l.src) || l.src[end] != '$' {
		return l.errorf(l.at, "syntax error at or near \"$\"")
	}
	tag := l.src[l.at : end+1]
	n := strings.Index(l.src[end+1:], tag)
	if n < 0 {
		return l.unterminated(l.at, "dollar-quoted string")
	}
	l.add(text, l.src[end+1:end+1+n], end+1+n+len(tag))
	return nil
}
