package parser

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/sqlerr"
)

// TestFiles runs testdata: statements, errors with their carets, trees and positions.
func TestFiles(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "parse":
				return parsed(d.Input)
			case "lines":
				var out strings.Builder
				for line := range strings.SplitSeq(d.Input, "\n") {
					out.WriteString(parsed(line))
				}
				return out.String()
			case "tree":
				return eachLine(d.Input, tree)
			case "positions":
				return positions(d.Input)
			case "split":
				return segments(d.Input)
			case "substitute":
				return substituted(d.Input)
			}
			t.Fatalf("unknown command %s", d.Cmd)
			return ""
		})
	})
}

func parsed(text string) string {
	list, err := Parse(text)
	if err != nil {
		return picture(text, err)
	}
	var out strings.Builder
	for _, s := range list {
		fmt.Fprintf(&out, "%T: %s\n", s, ast.Format(s))
	}
	return out.String()
}

// picture draws an error as psql does.
func picture(text string, err error) string {
	e := sqlerr.From(err)
	out := fmt.Sprintf("%s: %s\n", e.Code, e.Message)
	if at := e.Pos.Offset(); at >= 0 {
		from := strings.LastIndexByte(text[:at], '\n') + 1
		line, _, _ := strings.Cut(text[from:], "\n")
		out += "  | " + line + "\n  | " + strings.Repeat(" ", at-from) + "^\n"
	}
	if e.Detail != "" {
		out += "  " + e.Detail + "\n"
	}
	if e.Hint != "" {
		out += "  " + e.Hint + "\n"
	}
	return out
}

func eachLine(text string, f func(ast.Expr) string) string {
	var out strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		e, err := ParseExpr(line)
		if err != nil {
			out.WriteString(picture(line, err))
			continue
		}
		out.WriteString(f(e) + "\n")
	}
	return out.String()
}

// tree prints an expression with all its parentheses.
func tree(e ast.Expr) string {
	not := func(given bool, s string) string {
		if given {
			return "NOT " + s
		}
		return s
	}
	switch e := e.(type) {
	case *ast.Binary:
		return "(" + tree(e.Left) + " " + e.Op + " " + tree(e.Right) + ")"
	case *ast.Unary:
		return "(" + e.Op + " " + tree(e.Expr) + ")"
	case *ast.IsNull:
		return "(" + tree(e.Expr) + " IS " + not(e.Not, "NULL") + ")"
	case *ast.IsDistinct:
		return "(" + tree(e.Left) + " IS " + not(e.Not, "DISTINCT FROM ") + tree(e.Right) + ")"
	case *ast.Between:
		return "(" + tree(e.Expr) + " " + not(e.Not, "BETWEEN ") + tree(e.Low) + " AND " + tree(e.High) + ")"
	case *ast.Like:
		return "(" + tree(e.Expr) + " " + not(e.Not, "LIKE ") + tree(e.Pattern) + ")"
	case *ast.InList:
		return "(" + tree(e.Expr) + " " + not(e.Not, "IN …)")
	case *ast.Cast:
		return "(" + tree(e.Expr) + "::" + ast.Format(e.Type) + ")"
	case *ast.AtTimeZone:
		return "(" + tree(e.Expr) + " AT TIME ZONE " + tree(e.Zone) + ")"
	case *ast.Collate:
		return "(" + tree(e.Expr) + " COLLATE " + e.Name.String() + ")"
	case *ast.Subscript:
		return "(" + tree(e.Expr) + "[" + tree(e.Index) + "])"
	case *ast.Field:
		return "(" + tree(e.Expr) + "->" + e.Name.Name + ")"
	case *ast.Quantified:
		return "(" + tree(e.Left) + " " + e.Op + " ANY …)"
	}
	return ast.Format(e)
}

// positions lists nodes with the text that begins at their places.
func positions(text string) string {
	list, err := Parse(text)
	if err != nil {
		return picture(text, err)
	}
	var out strings.Builder
	for _, s := range list {
		fmt.Fprintf(&out, "statement %q\n", s.Span().Text(text))
		ast.Walk(s, func(n ast.Node) bool {
			at := n.Pos().Offset()
			word := "?"
			if at >= 0 {
				word, _, _ = strings.Cut(text[at:], " ")
				word, _, _ = strings.Cut(word, "\n")
			}
			fmt.Fprintf(&out, "%-20s %s\n", strings.TrimPrefix(fmt.Sprintf("%T", n), "*ast."), word)
			return true
		})
	}
	return out.String()
}

func segments(text string) string {
	var out strings.Builder
	for _, s := range Split(text) {
		fmt.Fprintf(&out, "%t %q\n", s.Complete, s.Text(text))
	}
	return out.String()
}

func substituted(text string) string {
	s, err := Substitute(text, func(name string) (string, bool) {
		v, ok := map[string]string{"topic": "orders", "n": "4"}[name]
		return v, ok
	})
	if err != nil {
		return picture(text, err)
	}
	return s + "\n"
}
