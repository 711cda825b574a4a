package bind

import (
	"strings"

	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/sqlerr"
)

// Fold is an identifier as the dialect stores it: quoted ones exactly, others in lower (postgres) or upper case (ksqldb).
func Fold(d catalog.Dialect, id ast.Ident) string {
	switch {
	case id.Quoted:
		return id.Name
	case d == catalog.KsqlDB:
		return strings.ToUpper(id.Name)
	}
	return strings.ToLower(id.Name)
}

// Fold is an identifier as the binder's database stores it.
func (b *Binder) Fold(id ast.Ident) string { return Fold(b.Catalog.Dialect(), id) }

// userSchema is the schema of streams and tables.
const userSchema = "public"

// RelationName is the stored name of a stream or table as written; a qualifier may only be the schema public, or database and schema.
func RelationName(c *catalog.Catalog, name ast.Name) (string, error) {
	for i, q := range name.Qualifier() {
		part := strings.ToLower(q.Name)
		if part == userSchema || i == 0 && len(name) == 3 && part == strings.ToLower(c.Database()) {
			continue
		}
		if i == 0 && len(name) == 3 {
			return "", sqlerr.Newf(sqlerr.FeatureNotSupported, q.At, "cross-database references are not implemented: %q", q.Name)
		}
		return "", sqlerr.Newf(sqlerr.InvalidSchemaName, q.At, "schema %q does not exist", q.Name)
	}
	return Fold(c.Dialect(), name.Last()), nil
}

// Relation finds a stream or table of the catalogue, with a hint when the name is nearly one. Errors: 42P01, 3F000.
func Relation(c *catalog.Catalog, name ast.Name) (*catalog.Relation, error) {
	folded, err := RelationName(c, name)
	if err != nil {
		return nil, noRelation(c, Text(c.Dialect(), name), name.Pos())
	}
	if r := c.Relation(folded); r != nil {
		return r, nil
	}
	return nil, noRelation(c, folded, name.Pos())
}

// noRelation is 42P01 with the nearest name as hint.
func noRelation(c *catalog.Catalog, name string, pos sqlerr.Pos) error {
	e := sqlerr.Newf(sqlerr.UndefinedTable, pos, "relation %q does not exist", name)
	var names []string
	for _, r := range c.Relations() {
		names = append(names, r.Name)
	}
	if near := Nearest(name, names); near != "" {
		return e.WithHint("did you mean %q?", near)
	}
	return e
}

// Nearest is the name meant by a misspelt one, "" when none is near: case does not count, then a third of the letters may differ.
func Nearest(name string, names []string) string { return sqlerr.Nearest(name, names, len(name)/3) }

// Text joins a name's parts by dots, folded.
func Text(d catalog.Dialect, name ast.Name) string {
	parts := make([]string, len(name))
	for i, p := range name {
		parts[i] = Fold(d, p)
	}
	return strings.Join(parts, ".")
}
