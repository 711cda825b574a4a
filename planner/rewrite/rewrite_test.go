package rewrite_test

import (
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/freshetdb/freshet/planner/bind"
	"github.com/freshetdb/freshet/planner/explain"
	"github.com/freshetdb/freshet/planner/logical"
	"github.com/freshetdb/freshet/planner/rewrite"
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/functions/builtin"
	"github.com/freshetdb/freshet/sql/parser"
	"github.com/freshetdb/freshet/sql/types"
)

// fixture is a catalogue with a stream s (id, a, b, name), a table t (id, name, v) and a windowed table w (k, n).
func fixture(t *testing.T) *catalog.Catalog {
	column := func(name string, id types.ID, key bool) catalog.Column {
		return catalog.Column{Name: name, Field: name, Type: types.Of(id), Key: key}
	}
	relations := []*catalog.Relation{
		{ID: "s_1", Name: "s", Kind: catalog.Stream, Columns: []catalog.Column{
			column("id", types.BigInt, true), column("a", types.Int, false), column("b", types.Int, false), column("name", types.String, false),
		}},
		{ID: "t_2", Name: "t", Kind: catalog.Table, Columns: []catalog.Column{
			column("id", types.BigInt, true), column("name", types.String, false), column("v", types.Int, false),
		}},
		{ID: "w_3", Name: "w", Kind: catalog.Table, Window: &catalog.Window{Kind: "TUMBLING", SizeMS: 1000}, Columns: []catalog.Column{
			column("k", types.String, true), column("n", types.BigInt, false),
		}},
	}
	cmd := &catalog.Command{}
	for _, r := range relations {
		cmd.Changes = append(cmd.Changes, catalog.Change{Create: &catalog.Create{Relation: r}})
	}
	cat, err := catalog.Apply(catalog.New("d", catalog.Postgres), cmd)
	if err != nil {
		t.Fatal(err)
	}
	return cat
}

// TestRules runs testdata/<rule>: each query before and after that rule alone.
func TestRules(t *testing.T) {
	fold := func(e expr.Expr) expr.Expr { return expr.Fold(e, &functions.Context{}) }
	rules := map[string]func(logical.Node) logical.Node{
		"fold_constants":   func(n logical.Node) logical.Node { return rewrite.FoldConstants(n, fold) },
		"push_filters":     rewrite.PushFilters,
		"find_keys":        func(n logical.Node) logical.Node { return rewrite.FindKeys(rewrite.PushFilters(n)) },
		"top_n":            rewrite.TopN,
		"prune_columns":    rewrite.PruneColumns,
		"drop_projections": func(n logical.Node) logical.Node { return rewrite.DropProjections(rewrite.PruneColumns(n)) },
	}
	cat, registry := fixture(t), builtin.New()
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		rule := rules[path[strings.LastIndexByte(path, '/')+1:]]
		if rule == nil {
			t.Fatalf("%s: no such rule", path)
		}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			stmt, err := parser.ParseOne(d.Input)
			if err != nil {
				return err.Error()
			}
			b := bind.New(bind.Options{Catalog: cat, Functions: registry})
			q, err := b.BindQuery(stmt.(*ast.Query))
			if err != nil {
				return err.Error()
			}
			before := q.Node.Schema()
			after := rule(q.Node)
			if got := after.Schema(); len(got) != len(before) {
				d.Fatalf(t, "%d columns before, %d after", len(before), len(got))
			}
			for i, c := range after.Schema() {
				if !c.Type.Equal(before[i].Type) {
					d.Fatalf(t, "column %d was %s, is %s", i, before[i].Type, c.Type)
				}
			}
			return strings.Join(explain.Logical(q.Node), "\n") + "\n=>\n" + strings.Join(explain.Logical(after), "\n")
		})
	})
}
