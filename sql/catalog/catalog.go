// Package catalog is streams, tables and queries as one immutable snapshot; DDL commands are functions from snapshot to snapshot.
//
// A Catalog never changes: Apply gives the next one. Names are stored as the database's dialect folded them, so look-ups
// here are exact; folding is the binder's job.
package catalog

import (
	"maps"
	"slices"
)

// Dialect is the accent of a database, for life.
type Dialect string

// The dialects.
const (
	Postgres Dialect = "postgres"
	KsqlDB   Dialect = "ksqldb"
)

// Catalog is one database's relations and kept queries at one version.
type Catalog struct {
	version   uint64
	database  string
	dialect   Dialect
	relations map[string]*Relation
	queries   map[string]*Query
}

// New is the empty catalogue of a database, version 0.
func New(database string, dialect Dialect) *Catalog {
	return &Catalog{database: database, dialect: dialect, relations: map[string]*Relation{}, queries: map[string]*Query{}}
}

// With is the same catalogue with one relation more, at the same version: for those that every database has.
func (c *Catalog) With(r *Relation) *Catalog {
	next := c.clone()
	next.relations[r.Name] = r
	return next
}

// At is the same catalogue at another version. Ids of relations and queries end in the version: a database whose versions begin where
// no other's are has ids that are nobody else's.
func (c *Catalog) At(version uint64) *Catalog {
	next := *c
	next.version = version
	return &next
}

// Version counts the changes applied. A command is appended to the log on condition that the version is still the one it was planned on.
func (c *Catalog) Version() uint64 { return c.version }

// Database is the database's name.
func (c *Catalog) Database() string { return c.database }

// Dialect is the database's accent.
func (c *Catalog) Dialect() Dialect { return c.dialect }

// Relation finds a stream or table by its exact name, nil when there is none.
func (c *Catalog) Relation(name string) *Relation { return c.relations[name] }

// RelationByID finds a stream or table by its id, nil when there is none.
func (c *Catalog) RelationByID(id string) *Relation {
	for _, r := range c.relations {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// Relations lists all streams and tables by name. The caller may keep the slice, not change what it points to.
func (c *Catalog) Relations() []*Relation {
	names := slices.Sorted(maps.Keys(c.relations))
	list := make([]*Relation, len(names))
	for i, name := range names {
		list[i] = c.relations[name]
	}
	return list
}

// Query finds a kept query by id, nil when there is none.
func (c *Catalog) Query(id string) *Query { return c.queries[id] }

// Queries lists all kept queries by id.
func (c *Catalog) Queries() []*Query {
	ids := slices.Sorted(maps.Keys(c.queries))
	list := make([]*Query, len(ids))
	for i, id := range ids {
		list[i] = c.queries[id]
	}
	return list
}

// Readers lists the kept queries that read a relation.
func (c *Catalog) Readers(relation string) []*Query {
	var list []*Query
	for _, q := range c.Queries() {
		if slices.Contains(q.Sources, relation) {
			list = append(list, q)
		}
	}
	return list
}

// Writers lists the kept queries that write a relation.
func (c *Catalog) Writers(relation string) []*Query {
	var list []*Query
	for _, q := range c.Queries() {
		if q.Sink == relation {
			list = append(list, q)
		}
	}
	return list
}

// clone is a copy whose maps may be changed by Apply.
func (c *Catalog) clone() *Catalog {
	next := *c
	next.relations = maps.Clone(c.relations)
	next.queries = maps.Clone(c.queries)
	return &next
}
