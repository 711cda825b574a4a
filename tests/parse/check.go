package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/parser"
	"github.com/freshetdb/freshet/sql/sqlerr"
)

// understand parses a text and tells why its trees cannot be right; nil when they seem to be.
func understand(text string) error {
	list, err := parser.Parse(text)
	if err != nil {
		return located(text, err)
	}
	for _, s := range list {
		if err := positions(text, s); err != nil {
			return err
		}
		printed := ast.Format(s)
		again, err := parser.ParseOne(printed)
		if err != nil {
			return fmt.Errorf("its print is refused: %w\n    %s", located(printed, err), printed)
		}
		if !ast.Equal(s, again) {
			return fmt.Errorf("its print means something else:\n    %s\n    %s", printed, ast.Format(again))
		}
		if twice := ast.Format(again); twice != printed {
			return fmt.Errorf("its print is not stable:\n    %s\n    %s", printed, twice)
		}
	}
	return nil
}

var errAccepted = errors.New("expected a syntax error")

// refused tells whether a text is a syntax error.
func refused(text string) error {
	_, err := parser.Parse(text)
	if err == nil {
		return errAccepted
	}
	return nil
}

// located adds what stands at an error's position.
func located(text string, err error) error {
	e := sqlerr.From(err)
	if e.Code == sqlerr.Internal {
		return fmt.Errorf("INTERNAL %w", err)
	}
	at := max(0, min(e.Pos.Offset(), len(text)))
	return fmt.Errorf("%w [%s] %s at %d: %.40q", err, e.Detail, e.Hint, at, text[at:])
}

// positions compares names with what stands at their positions.
func positions(text string, s ast.Statement) error {
	var wrong error
	check := func(i ast.Ident) {
		at := i.At.Offset()
		if at < 0 || at >= len(text) {
			wrong = fmt.Errorf("%q stands at %d", i.Name, at)
			return
		}
		rest := text[at:]
		if !strings.HasPrefix(rest, i.Name) && rest[0] != '"' && rest[0] != '`' && rest[0]|' ' != 'u' && rest[0] != '\'' {
			wrong = fmt.Errorf("%q stands where %.20q is", i.Name, rest)
		}
	}
	ast.Walk(s, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ColumnRef:
			for _, i := range n.Name {
				check(i)
			}
		case *ast.Table:
			for _, i := range n.Name {
				check(i)
			}
		case *ast.Call:
			if n.Syntax == ast.CallPlain {
				for _, i := range n.Name {
					check(i)
				}
			}
		case *ast.NumberLit:
			if at := n.At.Offset(); at < 0 || !strings.HasPrefix(text[at:], n.Text) && n.Text != "1" {
				wrong = fmt.Errorf("%s stands elsewhere than at %d", n.Text, at)
			}
		case ast.Statement, *ast.Binary:
			if !n.Pos().Known() {
				wrong = fmt.Errorf("%T has no position", n)
			}
		}
		return wrong == nil
	})
	return wrong
}
