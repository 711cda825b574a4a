package scalar

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// likes is LIKE and ILIKE; a third argument is the escape character.
func likes() []*functions.Function {
	return []*functions.Function{
		{
			Name: "like", Category: "operators", Help: "Whether a text matches a pattern: % stands for any text, _ for one character. A backslash escapes (not in the ksqldb dialect), or what ESCAPE names.",
			Examples: examples("'abc' LIKE 'a%'", "t", "'abc' LIKE '_b'", "f"), Overloads: likeOverloads(false),
		},
		{Name: "ilike", Category: "operators", Help: "LIKE, whatever the case.", Examples: examples("'ABC' ILIKE 'a%c'", "t"), Overloads: likeOverloads(true)},
	}
}

func likeOverloads(fold bool) []*functions.Overload {
	var out []*functions.Overload
	for _, d := range []functions.Dialect{functions.Postgres, functions.KsqlDB} {
		for _, params := range [][]types.Type{{tText, tText}, {tText, tText, tText}} {
			rules := likeRules{fold: fold, ksql: d == functions.KsqlDB}
			o := in(d, overload(rules.general(), tBool, params...))
			o.Specialise = rules.specialise
			out = append(out, o)
		}
	}
	return out
}

// likeRules is how patterns are read: ksqlDB has no escape by default, and its wildcards do not cross a line's end.
type likeRules struct{ fold, ksql bool }

// element is one part of a pattern.
type element struct {
	kind elementKind
	text []byte // literal
}

type elementKind uint8

const (
	likeLiteral elementKind = iota
	likeOne                 // _
	likeAny                 // %
)

// compile cuts a pattern into elements. escape is the escape character, empty for none.
func (l likeRules) compile(pattern, escape []byte) ([]element, *sqlerr.Error) {
	var out []element
	literal := func(b []byte) {
		if l.fold {
			b = bytes.ToLower(b)
		}
		if n := len(out); n > 0 && out[n-1].kind == likeLiteral {
			out[n-1].text = append(out[n-1].text, b...)
			return
		}
		out = append(out, element{text: append([]byte(nil), b...)})
	}
	for len(pattern) > 0 {
		_, size := utf8.DecodeRune(pattern)
		c := pattern[:size]
		pattern = pattern[size:]
		switch {
		case len(escape) > 0 && bytes.Equal(c, escape):
			if len(pattern) == 0 {
				return nil, sqlerr.Newf(sqlerr.InvalidEscape, 0, "LIKE pattern must not end with escape character")
			}
			_, size = utf8.DecodeRune(pattern)
			literal(pattern[:size])
			pattern = pattern[size:]
		case c[0] == '%':
			if n := len(out); n == 0 || out[n-1].kind != likeAny {
				out = append(out, element{kind: likeAny})
			}
		case c[0] == '_':
			out = append(out, element{kind: likeOne})
		default:
			literal(c)
		}
	}
	return out, nil
}

// escapeOf is the escape character in force at row i.
func (l likeRules) escapeOf(args []*vector.Vector, i int) ([]byte, *sqlerr.Error) {
	if len(args) < 3 || args[2] == nil {
		if l.ksql {
			return nil, nil
		}
		return []byte(`\`), nil
	}
	e := text(args, 2, i)
	if utf8.RuneCount(e) > 1 {
		return nil, sqlerr.Newf(sqlerr.InvalidEscape, 0, "invalid escape string").WithHint("escape string must be empty or one character")
	}
	return e, nil
}

// general compiles the pattern of every row.
func (l likeRules) general() functions.Kernel {
	return rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		escape, err := l.escapeOf(args, i)
		if err != nil {
			return err
		}
		pattern, err := l.compile(text(args, 1, i), escape)
		if err != nil {
			return err
		}
		out.I[i] = truth(l.match(pattern, text(args, 0, i)))
		return nil
	})
}

// specialise compiles a constant pattern once, and turns the common shapes into a search.
func (l likeRules) specialise(consts []*vector.Vector, _ []types.Type) (functions.Kernel, error) {
	if consts[1] == nil || len(consts) == 3 && consts[2] == nil {
		return nil, nil
	}
	escape, err := l.escapeOf(consts, 0)
	if err != nil {
		return nil, err
	}
	pattern, err := l.compile(text(consts, 1, 0), escape)
	if err != nil {
		return nil, err
	}
	test := l.shape(pattern)
	return func(_ *functions.Context, args []*vector.Vector, n int, sel []uint16, out *vector.Vector) error {
		return each(n, sel, func(i int) error {
			out.I[i] = truth(test(text(args, 0, i)))
			return nil
		})
	}, nil
}

// shape recognises 'x', 'x%', '%x' and '%x%'.
func (l likeRules) shape(p []element) func([]byte) bool {
	kinds := ""
	var kindsSb146 strings.Builder
	for _, e := range p {
		kindsSb146.WriteString(string("x_%"[e.kind]))
	}
	kinds += kindsSb146.String()
	if !l.fold && !l.ksql {
		switch kinds {
		case "":
			return func(s []byte) bool { return len(s) == 0 }
		case "%":
			return func([]byte) bool { return true }
		case "x":
			return func(s []byte) bool { return bytes.Equal(s, p[0].text) }
		case "x%":
			return func(s []byte) bool { return bytes.HasPrefix(s, p[0].text) }
		case "%x":
			return func(s []byte) bool { return bytes.HasSuffix(s, p[1].text) }
		case "%x%":
			return func(s []byte) bool { return bytes.Contains(s, p[1].text) }
		}
	}
	return func(s []byte) bool { return l.match(p, s) }
}

// match tries the elements in turn; on a mismatch the last % takes one character more. Earlier ones need no second try, so this
// is at worst pattern times text, without recursion.
func (l likeRules) match(p []element, s []byte) bool {
	if l.fold {
		s = bytes.ToLower(s)
	}
	at, k := 0, 0
	star, starAt := -1, 0
	for {
		if k < len(p) {
			switch e := p[k]; {
			case e.kind == likeAny:
				star, starAt = k, at
				k++
				continue
			case e.kind == likeOne && at < len(s) && (!l.ksql || s[at] != '\n'):
				at += runeOffset(s[at:], 1)
				k++
				continue
			case e.kind == likeLiteral && bytes.HasPrefix(s[at:], e.text):
				at += len(e.text)
				k++
				continue
			}
		} else if at == len(s) {
			return true
		}
		if star < 0 || starAt >= len(s) || l.ksql && s[starAt] == '\n' {
			return false
		}
		starAt += runeOffset(s[starAt:], 1)
		at, k = starAt, star+1
	}
}
