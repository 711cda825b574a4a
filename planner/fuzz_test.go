package planner_test

import (
	"errors"
	"testing"

	"github.com/freshetdb/freshet/planner"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/parser"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// fuzzWorld has a relation of each kind.
func fuzzWorld(tb testing.TB) *world {
	w := newWorld(catalog.Postgres)
	out := w.run(`CREATE STREAM s (id BIGINT KEY, a INT, b DOUBLE, c TEXT, d DECIMAL(9,2), e TIMESTAMP, f ARRAY<INT>, g STRUCT<x INT>) WITH (PARTITIONS=2);
		CREATE TABLE t (id BIGINT PRIMARY KEY, a TEXT);
		CREATE TABLE w AS SELECT c, count(*) AS n FROM s WINDOW TUMBLING (SIZE 1 SECOND) GROUP BY c;`, false)
	if len(w.cat.Relations()) != 3 {
		tb.Fatal(out)
	}
	return w
}

// FuzzPlan holds that no statement makes the planner panic, and that every error is one a client can act on.
func FuzzPlan(f *testing.F) {
	for _, seed := range []string{
		"SELECT * FROM s WHERE a = 1 AND c LIKE 'x%' ORDER BY 1 LIMIT 3", "SELECT c, count(*) FROM s GROUP BY c HAVING sum(a) > 1",
		"SELECT s.a, t.a FROM s LEFT JOIN t ON s.id = t.id AND s.a > 3", "SELECT * FROM s FULL JOIN t USING (id)",
		"CREATE TABLE x AS SELECT c, sum(a) FROM s WINDOW TUMBLING (SIZE 1 SECOND) GROUP BY c EMIT FINAL", "INSERT INTO t VALUES (1, 'x')",
		"CREATE STREAM x WITH (PARTITIONS=1) AS SELECT * FROM s PARTITION BY a", "SELECT CASE a WHEN 1 THEN 'x' ELSE NULL END, g.x, f[1] FROM s",
		"SELECT 1 UNION SELECT NULL", "VALUES (1, 'a'), (NULL, $1)", "DROP TABLE t", "EXPLAIN SELECT * FROM w WHERE c = 'x'", "SHOW TABLES",
		"WITH q AS (SELECT a FROM s) SELECT * FROM q, q r WHERE q.a = r.a", "SELECT * FROM s EMIT CHANGES", "SELECT a FROM s GROUP BY 1, a",
	} {
		f.Add(seed)
	}
	w := fuzzWorld(f)
	f.Fuzz(func(t *testing.T, text string) {
		statements, err := parser.Parse(text)
		if err != nil {
			return
		}
		for _, s := range statements {
			r, err := planner.Plan(w.facts(), s, s.Span().Text(text))
			var e *sqlerr.Error
			if err != nil && (!errors.As(err, &e) || e.Code == sqlerr.Internal) {
				t.Fatalf("%q: %v", text, err)
			}
			if err == nil {
				w.summary(r, true)
			}
		}
	})
}

func TestBindParams(t *testing.T) {
	w := fuzzWorld(t)
	text := "SELECT n + $2 FROM w WHERE c = $1 AND window_start = $3 AND n > $2 ORDER BY 1 LIMIT $4"
	stmt, err := parser.ParseOne(text)
	if err != nil {
		t.Fatal(err)
	}
	r, err := planner.Plan(w.facts(), stmt, text)
	if err != nil {
		t.Fatal(err)
	}
	before := planner.Explain(r.Plan)
	values := []vector.Datum{
		{Type: types.Of(types.String), S: "x"}, {Type: types.Of(types.BigInt), I: 7}, {Type: types.Of(types.Timestamp), I: 5}, {Type: types.Of(types.BigInt), I: 3},
	}
	for i, v := range values {
		if !r.ParamTypes[i].Equal(v.Type) {
			t.Errorf("$%d is %s, want %s", i+1, r.ParamTypes[i], v.Type)
		}
	}
	bound, err := planner.BindParams(r.Plan, values)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range planner.Explain(bound) {
		for _, c := range line {
			if c == '$' {
				t.Errorf("a parameter is left in %q", line)
			}
		}
		t.Logf("%-60s %s", line, before[min(i, len(before)-1)])
	}
	if after := planner.Explain(r.Plan); len(after) != len(before) || after[0] != before[0] {
		t.Error("the plan itself changed")
	}
	if _, err := planner.BindParams(r.Plan, values[:2]); sqlerr.From(err).Code != sqlerr.UndefinedParameter {
		t.Errorf("too few values: %v", err)
	}
	values[3].I = -1
	if _, err := planner.BindParams(r.Plan, values); sqlerr.From(err).Code != sqlerr.InvalidLimit {
		t.Errorf("LIMIT -1: %v", err)
	}
}

func BenchmarkPointSelect(b *testing.B) {
	w := fuzzWorld(b)
	text := "SELECT a FROM t WHERE id = $1"
	stmt, err := parser.ParseOne(text)
	if err != nil {
		b.Fatal(err)
	}
	facts := w.facts()
	b.Run("plan", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := planner.Plan(facts, stmt, text); err != nil {
				b.Fatal(err)
			}
		}
	})
	r, err := planner.Plan(facts, stmt, text)
	if err != nil {
		b.Fatal(err)
	}
	params := []vector.Datum{{Type: types.Of(types.BigInt), I: 7}}
	b.Run("bind", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := planner.BindParams(r.Plan, params); err != nil {
				b.Fatal(err)
			}
		}
	})
}
