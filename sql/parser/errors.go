package parser

import (
	"strings"

	"github.com/freshetdb/freshet/sql/sqlerr"
)

// fail gives up at the current token. What was expected there: keywords in upper case, symbols, and descriptions in lower
// case such as "a name".
func (p *parser) fail(expected ...string) {
	p.failAt(p.i, expected...)
}

func (p *parser) failAt(i int, expected ...string) {
	t := &p.tokens[i]
	err := p.unexpected(t)
	if detail := expectation(expected); detail != "" {
		err = err.WithDetail("expected %s", detail)
	}
	p.giveUp(err, p.nearest(i, expected))
}

// giveUp ends parsing with an error and the word that was perhaps meant.
func (p *parser) giveUp(err *sqlerr.Error, near string) {
	if near != "" {
		err = err.WithHint("did you mean %s?", near)
	}
	panic(bailout{err})
}

// unexpected is the error at a token that cannot stand there.
func (p *parser) unexpected(t *token) *sqlerr.Error {
	if t.kind == eof {
		return sqlerr.Newf(sqlerr.SyntaxError, t.pos(), "syntax error at end of input")
	}
	return sqlerr.Newf(sqlerr.SyntaxError, t.pos(), "syntax error at or near %s", quoteMessage(p.src[t.at:t.end]))
}

// failf gives up at a place with a message of its own.
func (p *parser) failf(at sqlerr.Pos, format string, args ...any) {
	panic(bailout{sqlerr.Newf(sqlerr.SyntaxError, at, format, args...)})
}

// longestQuote bounds how much of a text an error repeats.
const longestQuote = 60

func quoteMessage(s string) string {
	if len(s) > longestQuote {
		s = strings.ToValidUTF8(s[:longestQuote], "") + "…"
	}
	return `"` + s + `"`
}

// longestList bounds how much an error says was expected.
const longestList = 12

// expectation joins what was expected: A, B or C.
func expectation(list []string) string {
	if len(list) > longestList {
		return strings.Join(list[:longestList], ", ") + " …"
	}
	quoted := make([]string, len(list))
	for i, e := range list {
		quoted[i] = e
		if e != "" && strings.IndexByte(punctuation+operatorChars, e[0]) >= 0 {
			quoted[i] = `"` + e + `"`
		}
	}
	if n := len(quoted) - 1; n > 0 {
		return strings.Join(quoted[:n], ", ") + " or " + quoted[n]
	}
	return strings.Join(quoted, "")
}

// clauses are the words that may go on a query: the candidates of a hint when nothing in particular was expected.
var clauses = strings.Fields("SELECT FROM WHERE GROUP HAVING ORDER LIMIT OFFSET WINDOW PARTITION EMIT UNION INTERSECT EXCEPT " +
	"JOIN INNER LEFT RIGHT FULL CROSS WITHIN VALUES BETWEEN CHANGES FINAL")

// nearest is the keyword a misspelt word was meant to be: the word at i, or the one before it, which may have been taken
// for an alias.
func (p *parser) nearest(i int, expected []string) string {
	candidates := expected
	if len(expected) != 1 || expected[0] != strings.ToUpper(expected[0]) {
		candidates = append(append([]string{}, expected...), clauses...)
	}
	for _, at := range []int{i, i - 1} {
		if at < 0 || p.tokens[at].kind != word || p.tokens[at].up != "" {
			continue
		}
		if near := nearestWord(strings.ToUpper(p.tokens[at].text), candidates); near != "" {
			return near
		}
	}
	return ""
}

// nearestWord is the candidate fewest letters away; "" when none is near. A word itself is not near itself.
func nearestWord(s string, candidates []string) string {
	const far = 3
	best, bestDistance := "", far
	for _, c := range candidates {
		if c == "" || c != strings.ToUpper(c) || !wordStart(c[0]) {
			continue
		}
		if d := sqlerr.Distance(s, c, far); d > 0 && d < bestDistance && d*3 <= len(c) {
			best, bestDistance = c, d
		}
	}
	return best
}
