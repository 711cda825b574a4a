package shell

import "github.com/freshetdb/freshet/sql/parser"

// split cuts complete statements off a text; rest is the unfinished one, "" when nothing but blanks and comments is left.
func split(text string) (statements []string, rest string) {
	end := 0
	for _, s := range parser.Split(text) {
		switch {
		case s.Complete:
			statements = append(statements, s.Text(text))
			end = s.To
		case s.From == len(text): // a comment that is still open
			return statements, text[end:]
		default:
			return statements, text[s.From:]
		}
	}
	return statements, ""
}
