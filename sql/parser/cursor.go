package parser

import (
	"slices"
	"strings"

	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/sqlerr"
)

// parser reads the tokens of one text. Errors travel as a panic of type bailout, which the exported functions recover.
type parser struct {
	src    string
	tokens []token
	i      int    // the current token
	parens []pair // of each token that is an opening parenthesis
	core   core   // the canonical text under construction
	height int    // of the tree of the expression read last
	peak   int    // the greatest height of the expressions read since it was set to 0
	nested int    // statements, subqueries and expressions inside one another
}

// bailout carries an error up to the exported function.
type bailout struct{ err *sqlerr.Error }

// failed turns a recovered bailout into its error and lets other panics go on.
func failed(r any) error {
	if r == nil {
		return nil
	}
	if b, ok := r.(bailout); ok {
		return b.err
	}
	panic(r)
}

func (p *parser) tok() *token { return &p.tokens[p.i] }

// peek is the token n after the current one; the last one beyond the end.
func (p *parser) peek(n int) *token {
	return &p.tokens[min(p.i+n, len(p.tokens)-1)]
}

func (p *parser) next() *token {
	t := &p.tokens[p.i]
	if t.kind != eof {
		p.i++
	}
	return t
}

func (p *parser) pos() sqlerr.Pos   { return p.tok().pos() }
func (p *parser) here() ast.Place   { return ast.Place{At: p.pos()} }
func (p *parser) is(up string) bool { return p.tok().up == up }

// isAt looks n tokens ahead.
func (p *parser) isAt(n int, up string) bool { return p.peek(n).up == up }

// any tells whether the current token is one of these.
func (p *parser) any(ups ...string) bool { return oneOf(p.tok().up, ups) }

// anyAt looks n tokens ahead.
func (p *parser) anyAt(n int, ups ...string) bool { return oneOf(p.peek(n).up, ups) }

func oneOf(up string, ups []string) bool {
	if up == "" {
		return false
	}
	return slices.Contains(ups, up)
}

// seq tells whether the next tokens are these words.
func (p *parser) seq(ups ...string) bool {
	for n, u := range ups {
		if p.peek(n).up != u {
			return false
		}
	}
	return true
}

// accept passes these words if they come next, all of them.
func (p *parser) accept(ups ...string) bool {
	if !p.seq(ups...) {
		return false
	}
	p.i += len(ups)
	return true
}

// expect passes these words and fails when they do not come next.
func (p *parser) expect(ups ...string) {
	for _, u := range ups {
		if !p.accept(u) {
			p.fail(u)
		}
	}
}

// choose passes one of these words and returns it.
func (p *parser) choose(ups ...string) string {
	for _, u := range ups {
		if p.accept(u) {
			return u
		}
	}
	p.fail(ups...)
	return ""
}

// optional passes one of these words if it comes next.
func (p *parser) optional(ups ...string) string {
	for _, u := range ups {
		if p.accept(u) {
			return u
		}
	}
	return ""
}

// enter counts the nesting of what the parser does by recursion. Every enter has its leave, but for failures.
func (p *parser) enter() {
	if p.nested++; p.nested > maxNesting {
		panic(bailout{sqlerr.From(tooDeep(p.pos()))})
	}
}

func (p *parser) leave() { p.nested-- }

// list reads items separated by commas.
func (p *parser) list(item func()) {
	for {
		item()
		if !p.accept(",") {
			return
		}
	}
}

// parenList reads ( items separated by commas ).
func (p *parser) parenList(item func()) {
	p.expect("(")
	p.list(item)
	p.expect(")")
}

// isName tells whether a token can be a name where an expression or a bare alias may stand, too.
func (t *token) isName() bool {
	return t.kind == quoted || t.kind == word && !reservedName[t.up]
}

// isLabel tells whether a token can be a name where only a name may stand.
func (t *token) isLabel() bool { return t.kind == quoted || t.kind == word }

func (t *token) ident() ast.Ident {
	return ast.Ident{Place: ast.Place{At: t.pos()}, Name: t.text, Quoted: t.kind == quoted}
}

// label reads a name where only a name may stand: keywords are names, too.
func (p *parser) label(what string) ast.Ident {
	t := p.tok()
	if !t.isLabel() {
		p.fail(what)
	}
	p.i++
	return t.ident()
}

// name reads a name that no reserved word can be.
func (p *parser) name(what string) ast.Ident {
	t := p.tok()
	if !t.isName() {
		p.fail(what)
	}
	p.i++
	return t.ident()
}

// qualified reads a name with dots. Only its first part cannot be a reserved word.
func (p *parser) qualified(what string) ast.Name {
	n := ast.Name{p.name(what)}
	for p.is(".") && p.peek(1).isLabel() {
		p.i++
		n = append(n, p.label(what))
	}
	return n
}

// columns reads (a, b, c).
func (p *parser) columns() []ast.Ident {
	var list []ast.Ident
	p.parenList(func() { list = append(list, p.label("a column name")) })
	return list
}

// stringValue reads a string literal.
func (p *parser) stringValue(what string) string {
	if p.tok().kind != text {
		p.fail(what)
	}
	return p.next().text
}

// identOrString reads a name that may also be written as a string.
func (p *parser) identOrString(what string) ast.Ident {
	if t := p.tok(); t.kind == text && t.text != "" {
		p.i++
		return ast.Ident{Place: ast.Place{At: t.pos()}, Name: t.text, Quoted: true}
	}
	return p.label(what)
}

// extent is from a statement's first token to the token before the current one.
func (p *parser) extent(first sqlerr.Pos) ast.Extent {
	return ast.Extent{At: first, End: p.tokens[max(0, p.i-1)].endPos()}
}

// endOfStatement tells whether the statement is over.
func (p *parser) endOfStatement() bool { return p.tok().kind == eof || p.is(";") }

// verbatim reads up to the end of the statement: what was written, with one space between tokens and words in upper case.
func (p *parser) verbatim() string {
	var list []string
	for !p.endOfStatement() {
		t := p.next()
		written := p.src[t.at:t.end]
		if t.kind == word {
			written = strings.ToUpper(written)
		}
		list = append(list, written)
	}
	return strings.Join(list, " ")
}
