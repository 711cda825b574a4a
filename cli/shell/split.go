package shell

import "github.com/freshetdb/freshet/sql/parser"

// split cuts complete statements off a text; rest is the unfinished one, "" when nothing but blanks and comments is left.
func split(text string) (statements []string, rest string) {
	for _, s := range parser.Split(text) {
		if !s.Complete {
			return statements, text[s.From:]
		}
		statements = append(statements, s.Text(text))
	}
	return statements, ""
}
