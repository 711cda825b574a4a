package scalar

import (
	"regexp"
	"strings"

	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// regexHelp is the limit all of them share.
const regexHelp = " Patterns are RE2's: no look-around, no back-references; linear time."

// patterns is LIKE and regular expressions.
func patterns() []*functions.Function {
	operator := func(name, help, sql, result string, fold bool, want int64) *functions.Function {
		return &functions.Function{
			Name: name, Category: "operators", Help: help + regexHelp, Examples: examples(sql, result),
			Overloads: []*functions.Overload{regex(tBool, 1, fold, func(re *regexp.Regexp, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
				out.I[i] = 1 - want
				if re.Match(text(args, 0, i)) {
					out.I[i] = want
				}
				return nil
			}, tText, tText)},
		}
	}
	return append(likes(),
		operator("~", "Whether a regular expression matches somewhere in the text.", "'thomas' ~ 't.*ma'", "t", false, 1),
		operator("~*", "Whether a regular expression matches, whatever the case.", "'thomas' ~* 'T.*ma'", "t", true, 1),
		operator("!~", "Whether a regular expression matches nowhere.", "'thomas' !~ 't.*max'", "t", false, 0),
		operator("!~*", "Whether a regular expression matches nowhere, whatever the case.", "'thomas' !~* 'T.*ma'", "f", true, 0),
		&functions.Function{
			Name: "regexp_like", Category: "string", Help: "Whether a regular expression matches somewhere in the text." + regexHelp,
			Examples: examples("regexp_like('Hello World', 'world$')", "f"), Overloads: operator("", "", "", "", false, 1).Overloads,
		},
		&functions.Function{
			Name: "regexp_substr", Category: "string", Help: "First part of the text that a regular expression matches; null when none does." + regexHelp,
			Examples: examples("regexp_substr('number of your street', 'of.*r')", "of your str"), Overloads: []*functions.Overload{regex(tText, 1, false, regexpSubstr, tText, tText)},
		},
		&functions.Function{
			Name: "regexp_extract", Category: "string", Help: "In the ksqldb dialect: REGEXP_EXTRACT(pattern, input [, group]); null when it does not match." + regexHelp,
			Examples: examples("regexp_extract('(.*) .*', 'hello there', 1)", "hello"), Overloads: []*functions.Overload{
				in(functions.KsqlDB, regex(tText, 0, false, regexpExtract, tText, tText)), in(functions.KsqlDB, regex(tText, 0, false, regexpExtract, tText, tText, tInt)),
			},
		},
		&functions.Function{
			Name: "regexp_replace", Category: "string", Help: `Text with the first match of a regular expression (all with the flag 'g', or in the ksqldb dialect) replaced; \1 is the first group, \& the match.` + regexHelp,
			Examples:  examples(`regexp_replace('foobarbaz', 'b..', 'X')`, "fooXbaz", `regexp_replace('foobarbaz', 'b(..)', 'X\1Y', 'g')`, "fooXarYXazY"),
			Overloads: []*functions.Overload{regexpReplace(functions.Postgres, 3), regexpReplace(functions.Postgres, 4), regexpReplace(functions.KsqlDB, 3)},
		})
}

// matcher computes one row with a compiled expression.
type matcher func(re *regexp.Regexp, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error

// regex is an overload whose argument at is a regular expression: compiled once for a constant, else once for each value that follows
// a different one.
func regex(returns types.Type, at int, fold bool, f matcher, params ...types.Type) *functions.Overload {
	prefix := ""
	if fold {
		prefix = "(?i)"
	}
	o := overload(rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		re, err := compileRegex(prefix, string(text(args, at, i)))
		if err != nil {
			return err
		}
		return f(re, args, i, out)
	}), returns, params...)
	o.Specialise = func(consts []*vector.Vector, _ []types.Type) (functions.Kernel, error) {
		c := regexCache{prefix: prefix}
		if consts[at] != nil {
			if _, err := c.get(text(consts, at, 0)); err != nil {
				return nil, err
			}
		}
		return rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
			re, err := c.get(text(args, at, i))
			if err != nil {
				return err
			}
			return f(re, args, i, out)
		}), nil
	}
	return o
}

// regexCache remembers the last expression. A specialised kernel belongs to one program, so one goroutine.
type regexCache struct {
	prefix, pattern string
	re              *regexp.Regexp
}

func (c *regexCache) get(pattern []byte) (*regexp.Regexp, *sqlerr.Error) {
	if c.re != nil && c.pattern == string(pattern) {
		return c.re, nil
	}
	re, err := compileRegex(c.prefix, string(pattern))
	if err != nil {
		return nil, err
	}
	c.re, c.pattern = re, string(pattern)
	return re, nil
}

// maxPattern bounds a regular expression's text.
const maxPattern = 16 << 10

func compileRegex(prefix, pattern string) (*regexp.Regexp, *sqlerr.Error) {
	if len(pattern) > maxPattern {
		return nil, sqlerr.Newf(sqlerr.InvalidRegex, 0, "invalid regular expression: longer than %d bytes", maxPattern)
	}
	re, err := regexp.Compile(prefix + pattern)
	if err != nil {
		return nil, sqlerr.Newf(sqlerr.InvalidRegex, 0, "invalid regular expression: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return re, nil
}

func regexpSubstr(re *regexp.Regexp, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	s := text(args, 0, i)
	loc := re.FindIndex(s)
	if loc == nil {
		out.SetNull(i)
		return nil
	}
	out.SetBytes(i, s[loc[0]:loc[1]])
	return nil
}

func regexpExtract(re *regexp.Regexp, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	s, group := text(args, 1, i), 0
	if len(args) == 3 {
		group = int(min(max(integer(args, 2, i), -1), 1<<16))
	}
	loc := re.FindSubmatchIndex(s)
	if loc == nil || group < 0 || 2*group+1 >= len(loc) || loc[2*group] < 0 {
		out.SetNull(i)
		return nil
	}
	out.SetBytes(i, s[loc[2*group]:loc[2*group+1]])
	return nil
}

func regexpReplace(d functions.Dialect, params int) *functions.Overload {
	list := []types.Type{tText, tText, tText, tText}[:params]
	return in(d, regex(tText, 1, false, func(re *regexp.Regexp, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		s, with := text(args, 0, i), text(args, 2, i)
		count := 1
		if d == functions.KsqlDB {
			count, with = -1, javaReplacement(with)
		} else {
			with = postgresReplacement(with)
		}
		if params == 4 {
			flags := string(text(args, 3, i))
			if strings.Contains(flags, "g") {
				count = -1
			}
			if strings.Contains(flags, "i") {
				folded, err := compileRegex("(?i)", re.String())
				if err != nil {
					return err
				}
				re = folded
			}
		}
		at, last := len(out.Buf), 0
		for _, loc := range re.FindAllSubmatchIndex(s, count) {
			out.Buf = re.Expand(append(out.Buf, s[last:loc[0]]...), with, s, loc)
			last = loc[1]
			if !roomFor(out, int64(len(s))) {
				return tooLong()
			}
		}
		out.Buf = append(out.Buf, s[last:]...)
		out.MarkText(i, at)
		return nil
	}, list...))
}

// postgresReplacement turns \1 and \& into what regexp.Expand reads.
func postgresReplacement(with []byte) []byte {
	var out []byte
	for k := 0; k < len(with); k++ {
		switch c := with[k]; {
		case c == '$':
			out = append(out, "$$"...)
		case c == '\\' && k+1 < len(with):
			k++
			switch n := with[k]; {
			case n >= '1' && n <= '9':
				out = append(out, '$', '{', n, '}')
			case n == '&':
				out = append(out, "${0}"...)
			default:
				out = append(out, n)
			}
		default:
			out = append(out, c)
		}
	}
	return out
}

// javaReplacement turns $1 into ${1}: Java ends a group's number at the first non-digit.
func javaReplacement(with []byte) []byte {
	var out []byte
	for k := 0; k < len(with); k++ {
		switch c := with[k]; {
		case c == '$' && k+1 < len(with) && with[k+1] >= '0' && with[k+1] <= '9':
			k++
			out = append(out, '$', '{', with[k], '}')
		case c == '$':
			out = append(out, "$$"...)
		case c == '\\' && k+1 < len(with):
			k++
			out = append(out, with[k])
		default:
			out = append(out, c)
		}
	}
	return out
}
