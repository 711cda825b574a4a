package planner

import (
	"slices"
	"strconv"
	"strings"

	"github.com/freshetdb/freshet/planner/bind"
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/sqlerr"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// create plans CREATE STREAM and CREATE TABLE, over a topic or AS a query.
func (p *planning) create(s *ast.CreateRelation) (*Result, error) {
	if err := unsupportedCreate(s); err != nil {
		return nil, err
	}
	rel := &catalog.Relation{Kind: catalog.Kind(s.Kind), ReadOnly: s.ReadOnly, Text: p.text}
	var err error
	if rel.Name, err = bind.RelationName(p.Catalog, s.Name); err != nil {
		return nil, err
	}
	tag := "CREATE " + string(rel.Kind)
	old := p.Catalog.Relation(rel.Name)
	switch {
	case old == nil:
	case s.IfNotExists:
		return &Result{Kind: KindNothing, Tag: tag, Notices: []string{"relation \"" + rel.Name + "\" already exists, skipping"}}, nil
	case !s.OrReplace:
		return nil, sqlerr.Newf(sqlerr.DuplicateTable, s.Name.Pos(), "relation %q already exists", rel.Name).
			WithHint("use CREATE OR REPLACE, or IF NOT EXISTS")
	case old.Kind != rel.Kind:
		return nil, sqlerr.Newf(sqlerr.WrongObjectType, s.Name.Pos(), "%q is a %s", rel.Name, strings.ToLower(string(old.Kind)))
	default:
		if err := p.Catalog.CanDrop(old, "replace"); err != nil {
			return nil, sqlerr.From(err).WithPos(s.Name.Pos())
		}
	}
	rel.ID = p.id(rel.Name)
	props, err := p.properties(s.With)
	if err != nil {
		return nil, err
	}
	if s.As != nil {
		return p.createAs(s, rel, props, tag)
	}
	if err := p.columns(s, rel); err != nil {
		return nil, err
	}
	if err := p.formats(rel, props, nil, s.Pos()); err != nil {
		return nil, err
	}
	rel.Window, rel.Start, rel.StopOnError = props.window, props.start, props.stopOnError
	if rel.Window != nil && len(rel.Keys()) == 0 {
		return nil, sqlerr.Newf(sqlerr.InvalidTableDefinition, props.at(propertyWindowType, s.Pos()), "a windowed %s needs a key column", strings.ToLower(string(rel.Kind)))
	}
	topic, err := p.topicOf(rel, props, TopicFacts{}, s.Name.Pos())
	if err != nil {
		return nil, err
	}
	r := p.command(tag, catalog.Change{Topics: []catalog.Topic{topic}, Create: &catalog.Create{Relation: rel, Replace: s.OrReplace && old != nil}})
	if !p.Topics[rel.Topic].Exists {
		r.Notices = append(r.Notices, "topic \""+rel.Topic+"\" does not exist and is created")
	}
	return r, nil
}

// id is a new id: a name that is safe in topics and file names, and the version the catalogue will have, which no other object shares.
func (p *planning) id(name string) string {
	safe := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return '_'
	}, name)
	const longest = 100
	if len(safe) > longest {
		safe = safe[:longest]
	}
	return safe + "_" + strconv.FormatUint(p.Catalog.Version()+1, 10)
}

// command makes a change a command of this database.
func (p *planning) command(tag string, change catalog.Change) *Result {
	change.Text = p.text
	return &Result{
		Kind: KindCommand, Tag: tag, Topics: change.Topics,
		Command: &catalog.Command{
			Format: catalog.CommandFormat, Database: p.Catalog.Database(), Dialect: p.Catalog.Dialect(), Changes: []catalog.Change{change},
		},
	}
}

// unsupportedCreate refuses the clauses of other systems that would change what a relation is.
func unsupportedCreate(s *ast.CreateRelation) error {
	pos := s.Name.Pos()
	switch {
	case s.Kind != ast.Stream && s.Kind != ast.TableObject:
		return sqlerr.Unsupported(s.At, "CREATE "+string(s.Kind))
	case s.Temporary:
		return sqlerr.Unsupported(pos, "a temporary table")
	case len(s.Like) > 0:
		return sqlerr.Unsupported(pos, "LIKE in CREATE TABLE")
	case len(s.Inherits) > 0:
		return sqlerr.Unsupported(pos, "INHERITS")
	case len(s.PartitionOf) > 0:
		return sqlerr.Unsupported(pos, "PARTITION BY in CREATE TABLE")
	case s.Format != nil:
		return sqlerr.Unsupported(s.Format.At, "FORMAT … ENCODE").WithHint("use WITH (VALUE_FORMAT = 'JSON')")
	case len(s.Include) > 0:
		return sqlerr.Unsupported(pos, "INCLUDE")
	case len(s.Watermarks) > 0:
		return sqlerr.Unsupported(s.Watermarks[0].At, "WATERMARK").WithHint("use WITH (TIMESTAMP = 'column')")
	case s.AppendOnly:
		return sqlerr.Unsupported(pos, "APPEND ONLY").WithHint("use CREATE STREAM")
	case s.OnConflict != "", len(s.Version) > 0:
		return sqlerr.Unsupported(pos, "ON CONFLICT in CREATE TABLE")
	case s.OnCommit != "":
		return sqlerr.Unsupported(pos, "ON COMMIT")
	case s.NoData:
		return sqlerr.Unsupported(pos, "WITH NO DATA")
	case s.As != nil && len(s.Columns) > 0:
		return sqlerr.Unsupported(s.Columns[0].At, "column definitions beside AS")
	case s.As != nil && s.ReadOnly:
		return sqlerr.Newf(sqlerr.SyntaxError, pos, "CREATE SOURCE cannot have AS")
	}
	return nil
}

// reserved are names of pseudo columns, which no column may take.
var reserved = []string{"rowtime", "rowpartition", "rowoffset"}

// columns checks the declared columns. The key's order is that of PRIMARY KEY (…), else of the columns.
func (p *planning) columns(s *ast.CreateRelation, rel *catalog.Relation) error {
	if len(s.Columns) == 0 {
		return sqlerr.Newf(sqlerr.InvalidTableDefinition, s.Name.Pos(), "%s %q needs columns", strings.ToLower(string(rel.Kind)), rel.Name).
			WithHint("there is no schema registry to take them from: list them, as in (id BIGINT KEY, name TEXT)")
	}
	for i := range s.Columns {
		c, err := p.columnOf(&s.Columns[i], rel)
		if err != nil {
			return err
		}
		if rel.Column(c.Name) >= 0 {
			return sqlerr.Newf(sqlerr.DuplicateColumn, s.Columns[i].Name.At, "column %q specified more than once", c.Name)
		}
		rel.Columns = append(rel.Columns, c)
	}
	if err := p.primaryKey(s, rel); err != nil {
		return err
	}
	if rel.Kind == catalog.Table && len(rel.Keys()) == 0 {
		return sqlerr.Newf(sqlerr.InvalidTableDefinition, s.Name.Pos(), "table %q needs a PRIMARY KEY", rel.Name).
			WithHint("mark the column that tells rows apart: %s %s PRIMARY KEY", rel.Columns[0].Name, rel.Columns[0].Type.String())
	}
	return nil
}

func (p *planning) columnOf(d *ast.ColumnDef, rel *catalog.Relation) (catalog.Column, error) {
	var c catalog.Column
	if err := unsupportedColumn(d); err != nil {
		return c, err
	}
	c.Name = bind.Fold(p.Catalog.Dialect(), d.Name)
	if slices.Contains(reserved, strings.ToLower(c.Name)) {
		return c, sqlerr.Newf(sqlerr.ReservedName, d.Name.At, "column name %q is reserved", c.Name)
	}
	t, err := bind.Type(p.Catalog.Dialect(), d.Type)
	if err != nil {
		return c, err
	}
	c.Type = t
	c.Key = d.Key != ast.KeyNone
	switch {
	case d.Key == ast.KeyPrimary && rel.Kind == catalog.Stream:
		return c, sqlerr.Newf(sqlerr.InvalidTableDefinition, d.Name.At, "column %q is a PRIMARY KEY, but a stream has no unique rows", c.Name).
			WithHint("use KEY, or CREATE TABLE")
	case d.Key == ast.KeyPart && rel.Kind == catalog.Table:
		return c, sqlerr.Newf(sqlerr.InvalidTableDefinition, d.Name.At, "column %q is a KEY, but a table's key is its PRIMARY KEY", c.Name).
			WithHint("use PRIMARY KEY")
	}
	return c, nil
}

func unsupportedColumn(d *ast.ColumnDef) error {
	switch {
	case d.Headers != nil:
		return sqlerr.Unsupported(d.Headers.At, "a HEADERS column")
	case d.Type == nil || d.Generated != nil:
		return sqlerr.Unsupported(d.Name.At, "a generated column")
	case d.Default != nil:
		return sqlerr.Unsupported(d.Default.Pos(), "DEFAULT")
	case d.Check != nil:
		return sqlerr.Unsupported(d.Check.Pos(), "CHECK")
	case d.Unique:
		return sqlerr.Unsupported(d.Name.At, "UNIQUE")
	case d.References != nil:
		return sqlerr.Unsupported(d.Name.At, "REFERENCES")
	case d.Identity != "":
		return sqlerr.Unsupported(d.Name.At, "IDENTITY")
	case d.NotNull && d.Key == ast.KeyNone:
		return sqlerr.Unsupported(d.Name.At, "NOT NULL")
	}
	return nil
}

// primaryKey takes PRIMARY KEY (a, b) in.
func (p *planning) primaryKey(s *ast.CreateRelation, rel *catalog.Relation) error {
	for _, c := range s.Constraints {
		if c.Kind != "PRIMARY KEY" {
			return sqlerr.Unsupported(c.At, c.Kind)
		}
		if rel.Kind == catalog.Stream || len(rel.Keys()) > 0 {
			return sqlerr.Newf(sqlerr.InvalidTableDefinition, c.At, "multiple or misplaced primary keys for %q are not allowed", rel.Name)
		}
		order := make([]int, 0, len(c.Columns))
		for _, id := range c.Columns {
			at := rel.Column(bind.Fold(p.Catalog.Dialect(), id))
			if at < 0 {
				return sqlerr.Newf(sqlerr.UndefinedColumn, id.At, "column %q named in key does not exist", id.Name)
			}
			if slices.Contains(order, at) {
				return sqlerr.Newf(sqlerr.DuplicateColumn, id.At, "column %q appears twice in primary key constraint", id.Name)
			}
			rel.Columns[at].Key = true
			order = append(order, at)
		}
		if slices.IsSorted(order) {
			continue
		}
		rel.KeyOrder = order
	}
	return nil
}
