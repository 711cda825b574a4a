// Package ast is what the user wrote, with positions; it knows no types and no catalogue.
//
// The tree is one for both accents of the language (Postgres' and ksqlDB's): the grammar is their union. Names keep the
// spelling of the text; folding them to lower or upper case is the binder's job, with the dialect of the database.
// Nodes are built by sql/parser and must not be changed afterwards: parse results are cached and shared.
//
// Walk visits a tree, Format prints it so that parsing the print gives the same tree, Equal compares two trees apart
// from their positions.
package ast

import (
	"strings"

	"github.com/freshetdb/freshet/sql/sqlerr"
)

// Node is anything with a place in the text.
type Node interface {
	// Pos is where an error about the node points: for most nodes their first character, for an operator the operator.
	Pos() sqlerr.Pos
}

// Statement is one command of the language. A SELECT is a *Query.
type Statement interface {
	Node
	// Span is the half-open range of the statement's text: first character and one past the last.
	Span() Extent
	statement()
}

// Expr is an expression.
type Expr interface {
	Node
	expr()
}

// Relation is an item of a FROM clause.
type Relation interface {
	Node
	relation()
}

// Body is what a Query computes before ORDER BY and LIMIT: *Select, *SetOp, *Values or a nested *Query.
type Body interface {
	Node
	body()
}

// Place is embedded by nodes: where an error about them points.
type Place struct{ At sqlerr.Pos }

// Pos implements Node.
func (p Place) Pos() sqlerr.Pos { return p.At }

// Extent is embedded by statements: the range of text they were parsed from.
type Extent struct {
	At  sqlerr.Pos // first character
	End sqlerr.Pos // one past the last character, the closing semicolon not included
}

// Pos implements Node.
func (e Extent) Pos() sqlerr.Pos { return e.At }

// Span implements Statement.
func (e Extent) Span() Extent { return e }

// Text cuts the extent out of the text it was parsed from.
func (e Extent) Text(text string) string {
	from, to := e.At.Offset(), e.End.Offset()
	if from < 0 || to < from || to > len(text) {
		return text
	}
	return text[from:to]
}

func (Extent) statement() {}

// Ident is a name as written: the spelling without quotes, and whether it was quoted (and so is exact).
type Ident struct {
	Place
	Name   string
	Quoted bool
}

// Given tells whether the identifier is there: optional identifiers are zero when absent.
func (i Ident) Given() bool { return i.Name != "" || i.Quoted }

// String prints the identifier with quotes where it needs them.
func (i Ident) String() string { return FormatIdent(i) }

// Name is a possibly qualified name, outermost part first: catalog.schema.relation, or relation.column.
type Name []Ident

// Pos is the place of the first part.
func (n Name) Pos() sqlerr.Pos {
	if len(n) == 0 {
		return 0
	}
	return n[0].At
}

// Last is the innermost part; zero for an empty name.
func (n Name) Last() Ident {
	if len(n) == 0 {
		return Ident{}
	}
	return n[len(n)-1]
}

// Qualifier is the name without its last part.
func (n Name) Qualifier() Name {
	if len(n) == 0 {
		return nil
	}
	return n[:len(n)-1]
}

// String prints the name with quotes where its parts need them.
func (n Name) String() string {
	s := ""
	var sSb117 strings.Builder
	for i, p := range n {
		if i > 0 {
			sSb117.WriteString(".")
		}
		sSb117.WriteString(FormatIdent(p))
	}
	s += sSb117.String()
	return s
}

// Property is one entry of a WITH (…) list or another list of options: name [= value].
type Property struct {
	Name  Ident // a string literal as name counts as a quoted identifier; dotted names are joined by dots
	Value Expr  // nil when only the name was written; a bare word is a *ColumnRef
}
