package planner

import (
	"strings"

	"github.com/freshetdb/freshet/planner/bind"
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/sqlerr"
)

// drop plans DROP STREAM and DROP TABLE.
func (p *planning) drop(s *ast.Drop) (*Result, error) {
	tag := "DROP " + string(s.Kind)
	if s.Kind != ast.Stream && s.Kind != ast.TableObject {
		return nil, sqlerr.Unsupported(s.At, tag)
	}
	if s.Cascade {
		return nil, sqlerr.Unsupported(s.At, tag+" … CASCADE")
	}
	after := p.Catalog
	out := &Result{Kind: KindNothing, Tag: tag}
	for _, name := range s.Names {
		stored, err := bind.RelationName(p.Catalog, name)
		if err != nil {
			return nil, err
		}
		rel := after.Relation(stored)
		switch {
		case rel == nil && s.IfExists:
			out.Notices = append(out.Notices, strings.ToLower(string(s.Kind))+" \""+stored+"\" does not exist, skipping")
			continue
		case rel == nil:
			e := sqlerr.Newf(sqlerr.UndefinedTable, name.Pos(), "%s %q does not exist", strings.ToLower(string(s.Kind)), stored)
			if near := bind.Nearest(stored, p.relationNames()); near != "" {
				return nil, e.WithHint("did you mean %q?", near)
			}
			return nil, e
		case string(rel.Kind) != string(s.Kind):
			return nil, sqlerr.Newf(sqlerr.WrongObjectType, name.Pos(), "%q is not a %s", stored, strings.ToLower(string(s.Kind))).
				WithHint("use DROP %s", string(rel.Kind))
		case s.DeleteTopic && rel.ReadOnly:
			return nil, sqlerr.Newf(sqlerr.WrongObjectType, name.Pos(), "cannot delete the topic of %q: it is a read-only source", stored)
		}
		change := catalog.Drop{Name: stored, Kind: rel.Kind}
		if s.DeleteTopic {
			change.DeleteTopic = rel.Topic
		}
		step := p.command(tag, catalog.Change{Drop: &change})
		if after, err = catalog.Apply(after, step.Command); err != nil {
			return nil, sqlerr.From(err).WithPos(name.Pos())
		}
		if out.Command != nil {
			step.Command = catalog.Merge(out.Command, step.Command)
		}
		out.Kind, out.Command = KindCommand, step.Command
	}
	return out, nil
}

func (p *planning) relationNames() []string {
	var names []string
	for _, r := range p.Catalog.Relations() {
		names = append(names, r.Name)
	}
	return names
}

// control plans TERMINATE, PAUSE and RESUME.
func (p *planning) control(s *ast.QueryControl) (*Result, error) {
	if s.Cluster {
		return nil, sqlerr.Unsupported(s.At, "TERMINATE CLUSTER")
	}
	change := catalog.Control{Verb: catalog.ControlVerb(s.Verb)}
	if s.All {
		for _, q := range p.Catalog.Queries() {
			change.Queries = append(change.Queries, q.ID)
		}
		if len(change.Queries) == 0 {
			return &Result{Kind: KindNothing, Tag: string(s.Verb), Notices: []string{"no query is running"}}, nil
		}
		return p.command(string(s.Verb), catalog.Change{Control: &change}), nil
	}
	id, err := p.queryID(s.Query)
	if err != nil {
		return nil, err
	}
	change.Queries = []string{id}
	return p.command(string(s.Verb), catalog.Change{Control: &change}), nil
}

// queryID finds a query by its id, in any case.
func (p *planning) queryID(id ast.Ident) (string, error) {
	var ids []string
	for _, q := range p.Catalog.Queries() {
		if q.ID == id.Name || !id.Quoted && strings.EqualFold(q.ID, id.Name) {
			return q.ID, nil
		}
		ids = append(ids, q.ID)
	}
	e := sqlerr.Newf(sqlerr.UndefinedObject, id.At, "query %q does not exist", id.Name)
	if near := bind.Nearest(id.Name, ids); near != "" {
		return "", e.WithHint("did you mean %q?", near)
	}
	return "", e.WithHint("SHOW QUERIES lists them")
}

// comment plans COMMENT ON STREAM | TABLE.
func (p *planning) comment(s *ast.Comment) (*Result, error) {
	if s.Kind != ast.Stream && s.Kind != ast.TableObject {
		return nil, sqlerr.Unsupported(s.At, "COMMENT ON "+string(s.Kind))
	}
	rel, err := bind.Relation(p.Catalog, s.Name)
	if err != nil {
		return nil, err
	}
	text := ""
	if s.Text != nil {
		text = *s.Text
	}
	return p.command("COMMENT", catalog.Change{Comment: &catalog.Comment{Relation: rel.Name, Text: text}}), nil
}
