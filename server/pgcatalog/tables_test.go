package pgcatalog

import (
	"context"
	"testing"

	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

func facts(t *testing.T) Facts {
	t.Helper()
	text := catalog.Column{Name: "item", Type: types.Of(types.String), Key: true}
	count := catalog.Column{Name: "n", Type: types.Of(types.BigInt)}
	price := catalog.Column{Name: "price", Type: types.DecimalOf(10, 2)}
	tags := catalog.Column{Name: "tags", Type: types.ArrayOf(types.Of(types.String))}
	cat, err := catalog.Apply(catalog.New("freshet", catalog.Postgres), &catalog.Command{Database: "freshet", Changes: []catalog.Change{
		{Create: &catalog.Create{Relation: &catalog.Relation{ID: "orders_1", Name: "orders", Kind: catalog.Stream, Columns: []catalog.Column{text, price, tags}, Comment: "a comment"}}},
		{Create: &catalog.Create{
			Relation: &catalog.Relation{ID: "totals_2", Name: "totals", Kind: catalog.Table, Columns: []catalog.Column{text, count}, WritingQuery: "CTAS_TOTALS_2", Text: "CREATE TABLE totals AS …"},
			Query:    &catalog.Query{ID: "CTAS_TOTALS_2", Sink: "totals", Sources: []string{"orders"}},
		}},
		{Create: &catalog.Create{Relation: &catalog.Relation{ID: "users_3", Name: "users", Kind: catalog.Table, Columns: []catalog.Column{text, count}}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return Facts{Catalog: cat, Databases: []string{"freshet", "legacy"}, User: "u", Settings: []Setting{{"TimeZone", "UTC", "zone"}}}
}

// TestEveryTable makes the rows of every table and prints none: columns and values must fit.
func TestEveryTable(t *testing.T) {
	tables := New()
	f := facts(t)
	for name, columns := range tables.Columns() {
		rows := 0
		err := tables.Rows(context.Background(), name, f, func(c *vector.Chunk) error {
			if len(c.Cols) != len(columns) {
				t.Fatalf("%s: %d columns, want %d", name, len(c.Cols), len(columns))
			}
			for i, v := range c.Cols {
				if v.Len() != c.N || !v.Type.Equal(columns[i].Type) {
					t.Fatalf("%s.%s: %d values of %s for %d rows of %s", name, columns[i].Name, v.Len(), v.Type, c.N, columns[i].Type)
				}
			}
			rows += c.N
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if (rows > 0) != (makers[name] != nil) {
			t.Errorf("%s has %d rows", name, rows)
		}
	}
	for name := range makers {
		if relations[name] == "" {
			t.Errorf("%s has rows and no columns", name)
		}
	}
}

func TestNumbersDiffer(t *testing.T) {
	seen := map[int64]bool{}
	for _, n := range numbers(facts(t).Catalog) {
		if seen[n] || seen[n+1] || n < firstUserOID || n > 1<<31 {
			t.Errorf("number %d", n)
		}
		seen[n] = true
	}
}
