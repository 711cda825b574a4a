package parser

// Segment is one statement of a text, for shells and script runners. It need not be correct.
type Segment struct {
	From     int  // byte offset of its first character, comments and blanks left out
	To       int  // one past its last character, the semicolon left out
	Complete bool // a semicolon follows; when not, the text ended, perhaps inside a string
}

// Text cuts the segment out of the text that was split.
func (s Segment) Text(text string) string { return text[s.From:s.To] }

// Split finds the statements of a text without parsing them. Only the last one can be incomplete. A text whose end
// cannot be told from its middle, because a character makes no sense, ends with a segment that is complete: let the
// parser report it. Semicolons in strings, names and comments separate nothing.
func Split(text string) []Segment {
	l, err := scan(text)
	var list []Segment
	first := -1
	for _, t := range l.tokens {
		switch {
		case t.kind == eof:
		case t.up == ";":
			if first >= 0 {
				list = append(list, Segment{first, lastEnd(l.tokens, &t), true})
			}
			first = -1
		case first < 0:
			first = int(t.at)
		}
	}
	if err != nil {
		if first < 0 {
			first = min(l.at, len(text))
		}
		return append(list, Segment{first, len(text), !l.open})
	}
	if first >= 0 {
		n := len(l.tokens) - 2 // the last token is the end
		list = append(list, Segment{first, int(l.tokens[n].end), false})
	}
	return list
}

// lastEnd is the end of the token in front of a semicolon.
func lastEnd(tokens []token, semicolon *token) int {
	lo, hi := 0, len(tokens)
	for lo < hi {
		mid := (lo + hi) / 2
		if tokens[mid].at < semicolon.at {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return int(tokens[lo-1].end)
}
