package builtin

import (
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
)

// testNow is 2026-11-22 17:00:00 UTC.
const testNow = 1_795_366_800_000_000

// TestExpressions runs files of expressions, one a line, and answers "type value" or "SQLSTATE message" for each.
func TestExpressions(t *testing.T) {
	reg := New()
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			dialect := functions.Postgres
			if d.HasArg("ksqldb") {
				dialect = functions.KsqlDB
			}
			zone := ""
			d.MaybeScanArgs(t, "zone", &zone)
			var b strings.Builder
			for line := range strings.SplitSeq(d.Input, "\n") {
				b.WriteString(answer(reg, &functions.Context{Dialect: dialect, Now: testNow, TimeZone: zone}, line) + "\n")
			}
			return b.String()
		})
	})
}

// answer computes a constant expression.
func answer(reg *functions.Registry, ctx *functions.Context, text string) string {
	e, err := bind(reg, ctx.Dialect, nil, text)
	if err == nil {
		v, verr := expr.Value(e, ctx)
		if verr == nil {
			return e.Type().String() + " " + v.Text()
		}
		err = verr
	}
	s := sqlerr.From(err)
	out := string(s.Code) + " " + s.Message
	if s.Hint != "" {
		out += " (" + s.Hint + ")"
	}
	return out
}

func TestExamples(t *testing.T) {
	reg := New()
	for _, f := range reg.Functions() {
		if f.Help == "" || f.Category == "" || len(f.Examples) == 0 && f.Name != "timezone" {
			t.Errorf("%s has no help, category or example", f.Name)
		}
		for _, x := range f.Examples {
			dialect := functions.KsqlDB
			for _, o := range f.Overloads {
				if o.Dialect != functions.KsqlDB {
					dialect = functions.Postgres
				}
			}
			got := answer(reg, &functions.Context{Dialect: dialect, Now: testNow}, x.SQL)
			e, err := bind(reg, dialect, nil, x.SQL)
			if err != nil {
				t.Errorf("%s: %s: %s", f.Name, x.SQL, got)
				continue
			}
			if want := e.Type().String() + " " + x.Result; got != want {
				t.Errorf("%s: %s = %s, want %s", f.Name, x.SQL, got, want)
			}
		}
	}
}
