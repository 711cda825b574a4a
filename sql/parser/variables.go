package parser

import (
	"strings"

	"github.com/freshetdb/freshet/sql/sqlerr"
)

// Substitute replaces every ${name} of a text by its value, in names and strings, too, as ksqlDB does before it parses.
// A name without a value is an error at its place. Positions of later errors are those of the result. Source: ksqlDB,
// "Variable substitution".
func Substitute(text string, value func(name string) (string, bool)) (string, error) {
	var b strings.Builder
	rest := 0
	for {
		n := strings.Index(text[rest:], "${")
		if n < 0 {
			break
		}
		at := rest + n
		end := strings.IndexByte(text[at:], '}')
		if end < 0 {
			break
		}
		name := strings.TrimSpace(text[at+2 : at+end])
		v, ok := value(name)
		if !ok {
			return "", sqlerr.Newf(sqlerr.UndefinedObject, sqlerr.At(at), "variable %q is not defined", name)
		}
		b.WriteString(text[rest:at])
		b.WriteString(v)
		rest = at + end + 1
	}
	if rest == 0 {
		return text, nil
	}
	b.WriteString(text[rest:])
	return b.String(), nil
}
