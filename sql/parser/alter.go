package parser

import (
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/sqlerr"
)

// alter reads ALTER ….
func (p *parser) alter() ast.Statement {
	first := p.pos()
	p.expect("ALTER")
	if p.is("SYSTEM") {
		return p.alterSystem(first)
	}
	s := &ast.Alter{Kind: p.objectKind()}
	s.IfExists = p.ifExists()
	p.accept("ONLY")
	s.Name = p.qualified("a name")
	s.Args = p.signature()
	p.list(func() { s.Actions = append(s.Actions, p.alterAction(s.Kind)) })
	s.Extent = p.extent(first)
	return s
}

// alterSystem reads ALTER SYSTEM [SET] name = value.
func (p *parser) alterSystem(first sqlerr.Pos) ast.Statement {
	s := &ast.AlterSystem{}
	p.i++
	if p.accept("RESET") {
		s.Name = p.settingName()
	} else {
		p.accept("SET")
		s.Name = p.settingName()
		p.choose("=", "TO")
		if !p.accept("DEFAULT") {
			s.Value = p.optionValue()
		}
	}
	s.Extent = p.extent(first)
	return s
}

// alterAction reads one action of an ALTER.
func (p *parser) alterAction(kind ast.ObjectKind) ast.AlterAction {
	a := ast.AlterAction{Place: p.here(), Kind: ast.AlterOther}
	switch p.tok().up {
	case "ADD":
		p.alterAdd(&a)
	case "DROP":
		p.alterDrop(&a)
	case "RENAME":
		p.alterRename(&a)
	case "ALTER":
		p.alterColumn(&a)
	case "OWNER":
		p.expect("OWNER", "TO")
		a.Kind = ast.AlterOwner
		a.NewName = ast.Name{p.label("a role")}
	case "SWAP":
		p.expect("SWAP", "WITH")
		a.Kind = ast.AlterSwap
		a.NewName = p.qualified("a name")
	case "SET":
		p.alterSet(&a)
	case "RESET":
		p.i++
		a.Kind = ast.AlterReset
		if p.is("(") {
			a.Options = p.properties()
		} else if !p.accept("ALL") {
			a.NewName = p.settingName()
		}
	default:
		p.alterOther(&a, kind)
	}
	return a
}

// alterOther keeps the words of an action that means nothing here.
func (p *parser) alterOther(a *ast.AlterAction, kind ast.ObjectKind) {
	switch kind {
	case ast.Role, ast.User, ast.Sequence, ast.Database, ast.Extension, ast.Function, ast.Connection, ast.Secret:
	default:
		if !p.any("ENABLE", "DISABLE", "CLUSTER", "VALIDATE", "INHERIT", "NO", "REPLICA", "ATTACH", "DETACH", "REFRESH", "CONNECTOR", "FORMAT", "WITH") {
			p.fail("ADD", "DROP", "RENAME", "ALTER", "SET", "OWNER")
		}
	}
	a.Words = p.verbatim()
	if a.Words == "" {
		p.fail("ADD", "DROP", "RENAME", "ALTER", "SET", "OWNER")
	}
}

func (p *parser) alterAdd(a *ast.AlterAction) {
	p.expect("ADD")
	if p.constraintAhead() {
		a.Kind = ast.AlterAddConstraint
		c := p.constraint()
		a.Constraint = &c
		return
	}
	if p.is("VALUE") && p.peek(1).kind == text {
		a.Words = "ADD " + p.verbatim()
		return
	}
	a.Kind = ast.AlterAddColumn
	p.accept("COLUMN")
	a.IfExists = p.ifNotExists()
	a.Column = p.columnDef()
}

func (p *parser) alterDrop(a *ast.AlterAction) {
	p.expect("DROP")
	a.Kind = ast.AlterDropColumn
	switch {
	case p.accept("CONSTRAINT"):
		a.Kind = ast.AlterDropConstraint
	case p.seq("NOT", "NULL") || p.is("DEFAULT"):
		a.Words = "DROP " + p.verbatim()
		a.Kind = ast.AlterOther
		return
	default:
		p.accept("COLUMN")
	}
	a.IfExists = p.ifExists()
	a.Name = p.label("a name")
	a.Cascade = p.optional("CASCADE", "RESTRICT") == "CASCADE"
}

func (p *parser) alterRename(a *ast.AlterAction) {
	p.expect("RENAME")
	switch {
	case p.accept("TO"):
		a.Kind = ast.AlterRename
		a.NewName = p.qualified("a name")
		return
	case p.accept("CONSTRAINT"):
		a.Kind = ast.AlterRenameOther
	default:
		p.accept("COLUMN")
		a.Kind = ast.AlterRenameColumn
	}
	a.Name = p.label("a name")
	p.expect("TO")
	a.NewName = ast.Name{p.label("a name")}
}

// alterColumn reads ALTER [COLUMN] name ….
func (p *parser) alterColumn(a *ast.AlterAction) {
	p.expect("ALTER")
	p.accept("COLUMN")
	a.Name = p.label("a column name")
	switch {
	case p.accept("SET", "DEFAULT"):
		a.Kind = ast.AlterSetDefault
		a.Expr = p.expression()
	case p.accept("DROP", "DEFAULT"):
		a.Kind = ast.AlterDropDefault
	case p.accept("SET", "NOT", "NULL"):
		a.Kind = ast.AlterSetNotNull
	case p.accept("DROP", "NOT", "NULL"):
		a.Kind = ast.AlterDropNotNull
	case p.accept("SET", "DATA", "TYPE"), p.accept("TYPE"):
		a.Kind = ast.AlterColumnType
		a.Type = p.typeName()
		if p.accept("USING") {
			a.Expr = p.expression()
		}
	default:
		a.Words = p.verbatim()
		if a.Words == "" {
			p.fail("SET", "DROP", "TYPE")
		}
	}
}

// alterSet reads SET SCHEMA name, SET (…), SET name = value.
func (p *parser) alterSet(a *ast.AlterAction) {
	p.expect("SET")
	switch {
	case p.is("SCHEMA") && p.peek(1).isLabel():
		p.i++
		a.Kind = ast.AlterSetSchema
		a.NewName = ast.Name{p.label("a schema")}
	case p.is("("):
		a.Kind = ast.AlterSet
		a.Options = p.properties()
	case p.anyAt(1, "=", "TO") || p.isAt(1, "."):
		a.Kind = ast.AlterSet
		name := p.propertyName()
		p.choose("=", "TO")
		a.Options = []ast.Property{{Name: name, Value: p.optionValue()}}
	default:
		a.Words = "SET " + p.verbatim()
	}
}
