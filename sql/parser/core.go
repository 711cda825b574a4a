package parser

import (
	"strconv"
	"strings"

	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/parser/internal/tidbcore"
	"github.com/freshetdb/freshet/sql/sqlerr"
)

// core is the canonical text of a query under construction.
//
// The recogniser emits tokens left to right. What it learns only after an operand, that the operand is the left side of an
// operator or the argument of a cast, is put in front of the operand's first token: each token has a chain of prefixes,
// the newest outermost. So writing the text takes time linear in its length.
type core struct {
	out       []emitted
	prefixes  []prefix
	marks     []tidbcore.Mark
	relations []tidbcore.Relation
	tables    []*ast.CommonTable
}

type emitted struct {
	text   string
	mark   int32 // index into marks, -1 for none
	prefix int32 // index of the newest prefix, -1 for none
}

type prefix struct {
	text string
	mark int32
	next int32 // the prefix before it, which stands further inside
}

const none = -1

// emit appends a token without a meaning of its own.
func (p *parser) emit(text string) {
	p.core.out = append(p.core.out, emitted{text, none, none})
}

// emitNode appends a token that stands for a node.
func (p *parser) emitNode(text string, node ast.Node) {
	p.core.out = append(p.core.out, emitted{text, p.addMark(tidbcore.Mark{Pos: node.Pos(), Node: node}), none})
}

// emitPiece appends the head of a call whose arguments follow and which build turns into a node.
func (p *parser) emitPiece(at sqlerr.Pos, build func([]ast.Expr) ast.Expr) {
	m := p.addMark(tidbcore.Mark{Pos: at, Build: build})
	p.core.out = append(p.core.out, emitted{pieceOpen, m, none})
}

const pieceOpen = "`" + tidbcore.PieceCall + "`("

// emitLeafPiece appends a node that has no form in TiDB's language and no children.
func (p *parser) emitLeafPiece(node ast.Expr) {
	p.emitPiece(node.Pos(), func([]ast.Expr) ast.Expr { return node })
	p.emit(")")
}

func (p *parser) addMark(m tidbcore.Mark) int32 {
	p.core.marks = append(p.core.marks, m)
	return int32(len(p.core.marks) - 1)
}

// mark is where the next token will stand: the start of an operand.
func (p *parser) mark() int { return len(p.core.out) }

func (p *parser) prefix(start int, text string, mark int32) {
	first := &p.core.out[start]
	p.core.prefixes = append(p.core.prefixes, prefix{text, mark, first.prefix})
	first.prefix = int32(len(p.core.prefixes) - 1)
}

// wrap puts what was emitted since start into parentheses that stand for a compound node.
func (p *parser) wrap(start int, node ast.Node) {
	p.prefix(start, "(", p.addMark(tidbcore.Mark{Pos: node.Pos(), Node: node}))
	p.emit(")")
}

// wrapPiece makes what was emitted since start the arguments of a call that build turns into a node.
func (p *parser) wrapPiece(start int, at sqlerr.Pos, build func([]ast.Expr) ast.Expr) {
	p.prefix(start, pieceOpen, p.addMark(tidbcore.Mark{Pos: at, Build: build}))
	p.emit(")")
}

// render writes the canonical text with its marks in order.
func (c *core) render() *tidbcore.Text {
	size := 0
	for i := range c.out {
		size += len(c.out[i].text) + 1
	}
	var b strings.Builder
	b.Grow(size + 16*len(c.prefixes))
	t := &tidbcore.Text{Relations: c.relations, Tables: c.tables, Marks: make([]tidbcore.Mark, 0, len(c.marks))}
	put := func(text string, mark int32) {
		if mark != none {
			m := c.marks[mark]
			m.Offset = int32(b.Len())
			t.Marks = append(t.Marks, m)
		}
		b.WriteString(text)
		b.WriteByte(' ')
	}
	for _, o := range c.out {
		for i := o.prefix; i != none; i = c.prefixes[i].next {
			put(c.prefixes[i].text, c.prefixes[i].mark)
		}
		put(o.text, o.mark)
	}
	t.SQL = strings.TrimSuffix(b.String(), " ")
	return t
}

// fragment runs read with a canonical text of its own and gives the text to TiDB's parser.
func (p *parser) fragment(read func()) *ast.Query {
	outer := p.core
	p.core = core{out: make([]emitted, 0, 64)}
	read()
	q, err := tidbcore.Parse(p.core.render())
	if err != nil {
		panic(bailout{sqlerr.From(err)})
	}
	p.core = outer
	return q
}

// backquote is an identifier of the canonical text.
func backquote(name string) string {
	if strings.IndexByte(name, '`') >= 0 {
		name = strings.ReplaceAll(name, "`", "``")
	}
	return "`" + name + "`"
}

// aliased is an alias that carries an index.
func aliased(name string, index int) string {
	return backquote(name + tidbcore.AliasMark + strconv.Itoa(index))
}

func markNode(node ast.Node) tidbcore.Mark { return tidbcore.Mark{Pos: node.Pos(), Node: node} }

func markBuild(at sqlerr.Pos, build func([]ast.Expr) ast.Expr) tidbcore.Mark {
	return tidbcore.Mark{Pos: at, Build: build}
}

// emptyTail emits the tail of a query that is not the user's.
func (p *parser) emptyTail() {
	p.emit("ORDER BY")
	p.emitNode("`"+tidbcore.TailCall+"`()", &tidbcore.Query{Query: &ast.Query{}})
}
