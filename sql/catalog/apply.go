package catalog

import (
	"slices"
	"strings"

	"github.com/freshetdb/freshet/sql/sqlerr"
)

// Apply gives the catalogue after a command. It is pure: the same catalogue and command give the same answer everywhere, and on
// error nothing has happened. The version grows by the number of changes.
//
// Errors: 42P07 (exists), 42P01 (does not exist), 42809 (the other kind), 42704 (no such query), 2BP01 (still read or written).
func Apply(c *Catalog, cmd *Command) (*Catalog, error) {
	next := c.clone()
	for i := range cmd.Changes {
		if err := next.apply(&cmd.Changes[i]); err != nil {
			return nil, err
		}
		next.version++
	}
	return next, nil
}

func (c *Catalog) apply(ch *Change) error {
	switch {
	case ch.Create != nil:
		return c.create(ch.Create)
	case ch.Drop != nil:
		return c.drop(ch.Drop)
	case ch.Control != nil:
		return c.control(ch.Control)
	case ch.Insert != nil:
		return c.addQuery(ch.Insert)
	case ch.Comment != nil:
		return c.comment(ch.Comment)
	}
	return sqlerr.Newf(sqlerr.DataCorrupted, 0, "change without an action")
}

func (c *Catalog) create(cr *Create) error {
	name := cr.Relation.Name
	if old := c.relations[name]; old != nil {
		if !cr.Replace {
			return sqlerr.Newf(sqlerr.DuplicateTable, 0, "relation %q already exists", name)
		}
		if old.Kind != cr.Relation.Kind {
			return sqlerr.Newf(sqlerr.WrongObjectType, 0, "%q is a %s", name, strings.ToLower(string(old.Kind)))
		}
		if err := c.CanDrop(old, "replace"); err != nil {
			return err
		}
		delete(c.queries, old.WritingQuery)
	}
	c.relations[name] = cr.Relation
	if cr.Query != nil {
		return c.addQuery(cr.Query)
	}
	return nil
}

func (c *Catalog) addQuery(q *Query) error {
	if c.queries[q.ID] != nil {
		return sqlerr.Newf(sqlerr.DuplicateObject, 0, "query %q already exists", q.ID)
	}
	for _, name := range append([]string{q.Sink}, q.Sources...) {
		if c.relations[name] == nil {
			return sqlerr.Newf(sqlerr.UndefinedTable, 0, "relation %q does not exist", name)
		}
	}
	c.queries[q.ID] = q
	return nil
}

func (c *Catalog) drop(d *Drop) error {
	r := c.relations[d.Name]
	if r == nil {
		return sqlerr.Newf(sqlerr.UndefinedTable, 0, "%s %q does not exist", strings.ToLower(string(d.Kind)), d.Name)
	}
	if r.Kind != d.Kind {
		return sqlerr.Newf(sqlerr.WrongObjectType, 0, "%q is not a %s", d.Name, strings.ToLower(string(d.Kind)))
	}
	if err := c.CanDrop(r, "drop"); err != nil {
		return err
	}
	delete(c.queries, r.WritingQuery)
	delete(c.relations, d.Name)
	return nil
}

// CanDrop tells why a relation cannot be dropped or replaced (verb says which): 2BP01 naming the queries that read it, or that write
// it beside its own; 42501 for one that is the system's. The query that fills it goes with it.
func (c *Catalog) CanDrop(r *Relation, verb string) error {
	if r.System {
		return sqlerr.Newf(sqlerr.InsufficientPrivilege, 0, "cannot %s %s %q because it is the system's", verb, strings.ToLower(string(r.Kind)), r.Name)
	}
	var details []string
	for _, q := range c.Queries() {
		switch {
		case q.ID == r.WritingQuery:
		case slices.Contains(q.Sources, r.Name):
			details = append(details, "query "+q.ID+" reads it (into "+q.Sink+")")
		case q.Sink == r.Name:
			details = append(details, "query "+q.ID+" writes it")
		}
	}
	if len(details) == 0 {
		return nil
	}
	return sqlerr.Newf(sqlerr.DependentObjects, 0, "cannot %s %s %q because other objects depend on it", verb, strings.ToLower(string(r.Kind)), r.Name).
		WithDetail("%s", strings.Join(details, "\n")).
		WithHint("drop what it fills, or TERMINATE the query, first")
}

func (c *Catalog) control(ctl *Control) error {
	for _, id := range ctl.Queries {
		q := c.queries[id]
		if q == nil {
			return sqlerr.Newf(sqlerr.UndefinedObject, 0, "query %q does not exist", id)
		}
		changed := *q
		switch ctl.Verb {
		case Terminate:
			c.terminate(q)
			continue
		case Pause:
			changed.State = Paused
		case Resume:
			changed.State = Running
		default:
			return sqlerr.Newf(sqlerr.DataCorrupted, 0, "query control %q is not known", string(ctl.Verb))
		}
		c.queries[id] = &changed
	}
	return nil
}

// terminate ends a query for good. The relation it filled stays: a table's rows are from then on materialised from its topic.
func (c *Catalog) terminate(q *Query) {
	delete(c.queries, q.ID)
	sink := c.relations[q.Sink]
	if sink == nil || sink.WritingQuery != q.ID {
		return
	}
	left := *sink
	left.WritingQuery = ""
	left.Materialised = false
	c.relations[left.Name] = &left
}

func (c *Catalog) comment(cm *Comment) error {
	r := c.relations[cm.Relation]
	if r == nil {
		return sqlerr.Newf(sqlerr.UndefinedTable, 0, "relation %q does not exist", cm.Relation)
	}
	changed := *r
	changed.Comment = cm.Text
	c.relations[changed.Name] = &changed
	return nil
}
