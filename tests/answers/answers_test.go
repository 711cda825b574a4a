// Package answers holds one-shot SELECTs to the answers PostgreSQL 15 gives: text to rows, through parser, planner and operators, without
// a log. Files under testdata hold Postgres' own output (psql -A, nulls as NULL); rows without ORDER BY are sorted.
package answers

import (
	"context"
	"errors"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/freshetdb/freshet/executor/pull"
	"github.com/freshetdb/freshet/planner"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/functions/builtin"
	"github.com/freshetdb/freshet/sql/parser"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/vector"
)

// tables are the relations a and b of every query: nulls, repeated keys, keys without a partner.
const tables = `WITH a(id, x, s, d, n, ts) AS (VALUES
	(1, 10, 'eu', 1.5::float8, 1.50::numeric(10,2), '2026-01-31 12:00:00+00'::timestamptz),
	(2, 20, 'us', 2.5, 2.25, '2026-02-01 00:00:00+00'),
	(3, NULL, 'eu', NULL, NULL, NULL),
	(4, 10, NULL, -1, 0.10, '2025-12-31 23:59:59.5+00')),
b(id, y, s) AS (VALUES (1, 100, 'eu'), (2, 200, 'as'), (2, 201, NULL), (5, NULL, 'us')) `

func TestAnswers(t *testing.T) {
	registry := builtin.New()
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			lines, err := answer(registry, tables+d.Input)
			var e *sqlerr.Error
			switch {
			case errors.As(err, &e):
				return "ERROR " + string(e.Code)
			case err != nil:
				d.Fatalf(t, "not a sqlerr: %v", err)
			}
			if !strings.Contains(strings.ToUpper(d.Input), "ORDER BY") {
				sort.Strings(lines[1:])
			}
			return strings.Join(lines, "\n")
		})
	})
}

// answer is a header line and a line a row.
func answer(registry *functions.Registry, text string) ([]string, error) {
	stmt, err := parser.ParseOne(text)
	if err != nil {
		return nil, err
	}
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	r, err := planner.Plan(planner.Facts{Catalog: catalog.New("answers", catalog.Postgres), Functions: registry, Now: now}, stmt, text)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(r.Columns))
	for i, c := range r.Columns {
		names[i] = c.Name
	}
	lines := []string{strings.Join(names, "|")}
	env := &functions.Context{Dialect: functions.Postgres, Now: now.UnixMicro()}
	err = pull.Run(context.Background(), r.Plan, pull.Deps{Context: env}, func(c *vector.Chunk) error {
		if c.Sel == nil {
			for row := range c.N {
				lines = append(lines, rowText(c, row))
			}
		}
		for _, row := range c.Sel {
			lines = append(lines, rowText(c, int(row)))
		}
		return nil
	})
	return lines, err
}

func rowText(c *vector.Chunk, row int) string {
	parts := make([]string, len(c.Cols))
	for i, v := range c.Cols {
		parts[i] = "NULL"
		if !v.IsNull(row) {
			parts[i] = string(vector.AppendText(nil, v, row, vector.Style{}))
		}
	}
	return strings.Join(parts, "|")
}
