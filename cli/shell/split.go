package shell

import "github.com/freshetdb/freshet/sql/parser"

// split cuts complete statements off a text; rest is the unfinished one, with what stands before it.
func split(text string) (statements []string, rest string) {
	end := 0
	for _, s := range parser.Split(text) {
		if !s.Complete {
			return statements, text[end:]
		}
		statements = append(statements, s.Text(text))
		end = s.To
		for end < len(text) && text[end] != ';' {
			end++
		}
		end = min(end+1, len(text))
	}
	return statements, text[end:]
}
