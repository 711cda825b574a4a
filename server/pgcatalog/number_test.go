package pgcatalog

import (
	"context"
	"testing"

	"github.com/freshetdb/freshet/sql/vector"
)

// TestNumber holds Number against what pg_class says of the same names.
func TestNumber(t *testing.T) {
	tables, f := New(), facts(t)
	listed := map[string]int64{}
	err := tables.Rows(context.Background(), pgClassName, f, func(c *vector.Chunk) error {
		for row := range c.N {
			listed[vector.DatumAt(c.Cols[1], row).S] = vector.DatumAt(c.Cols[0], row).I
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ kind, name, as string }{
		{"class", "pg_class", "pg_class"},
		{"class", "pg_catalog.pg_type", "pg_type"},
		{"class", "information_schema.columns", "columns"},
		{"class", "orders", "orders"},
		{"class", "public.totals", "totals"},
		{"class", "totals_pkey", "totals_pkey"},
	} {
		n, ok := tables.Number(f.Catalog, c.kind, c.name)
		if !ok || n != listed[c.as] {
			t.Errorf("%s %s: %d, %v; pg_class says %d", c.kind, c.name, n, ok, listed[c.as])
		}
	}
	if n, _ := tables.Number(f.Catalog, "class", "pg_class"); n != oidClassPgClass {
		t.Errorf("pg_class is %d", n)
	}
	if n, ok := tables.Number(f.Catalog, "namespace", "public"); !ok || n != oidPublic {
		t.Errorf("public is %d, %v", n, ok)
	}
	for _, c := range [][2]string{{"class", "missing"}, {"class", "columns"}, {"class", "orders_pkey"}, {"class", ""}, {"namespace", "x"}, {"proc", "abs"}} {
		if n, ok := tables.Number(f.Catalog, c[0], c[1]); ok {
			t.Errorf("%s %q is %d", c[0], c[1], n)
		}
	}
}
