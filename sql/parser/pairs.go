package parser

// pair is what is known of an opening parenthesis before parsing begins.
type pair struct {
	match int32 // the token that closes it, -1 when nothing does
	query bool  // a query stands inside
}

// pairUp matches parentheses, brackets and braces, and finds those around queries, in one pass each way. So the parser
// never has to try one reading of a parenthesis and then another.
func pairUp(tokens []token) []pair {
	pairs := make([]pair, len(tokens))
	var open []int32
	for i := range tokens {
		pairs[i].match = none
		switch tokens[i].up {
		case "(", "[", "{":
			open = append(open, int32(i))
		case ")", "]", "}":
			if n := len(open) - 1; n >= 0 {
				pairs[open[n]].match = int32(i)
				open = open[:n]
			}
		case ";":
			open = open[:0]
		}
	}
	for i := len(tokens) - 2; i >= 0; i-- {
		if tokens[i].up == "(" {
			pairs[i].query = holdsQuery(tokens, pairs, i)
		}
	}
	return pairs
}

// holdsQuery looks behind the parenthesis at i; the ones further right are known.
func holdsQuery(tokens []token, pairs []pair, i int) bool {
	switch tokens[i+1].up {
	case "SELECT":
		return true
	case "VALUES":
		return tokens[i+2].up == "("
	case "WITH":
		return tokens[i+2].isLabel()
	case "TABLE":
		return tokens[i+2].isLabel()
	case "(":
		after := pairs[i+1].match
		return pairs[i+1].query && after >= 0 && goesOnQuery(tokens[after+1].up)
	}
	return false
}

// goesOnQuery lists what can follow a query in parentheses that is part of a larger query.
func goesOnQuery(up string) bool {
	switch up {
	case ")", "UNION", "INTERSECT", "EXCEPT", "ORDER", "LIMIT", "OFFSET", "FETCH", "FOR", "EMIT":
		return true
	}
	return false
}

// queryAt tells whether a parenthesised query begins at token i.
func (p *parser) queryAt(i int) bool { return p.parens[i].query }

// queryAhead tells whether a query begins at the current token, in parentheses or not.
func (p *parser) queryAhead() bool {
	switch p.tok().up {
	case "SELECT":
		return true
	case "VALUES":
		return p.isAt(1, "(")
	case "WITH", "TABLE":
		return p.peek(1).isLabel()
	}
	return p.queryAt(p.i)
}
