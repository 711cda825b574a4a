package planner_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/freshetdb/freshet/planner"
	"github.com/freshetdb/freshet/planner/explain"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/functions/builtin"
	"github.com/freshetdb/freshet/sql/parser"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
)

// world is a catalogue with the facts around it: what a script of statements plans against.
type world struct {
	cat      *catalog.Catalog
	registry *functions.Registry
	topics   map[string]planner.TopicFacts
	settings map[string]string
}

func newWorld(dialect catalog.Dialect) *world {
	return &world{
		cat: catalog.New("freshet", dialect), registry: builtin.New(),
		topics: map[string]planner.TopicFacts{}, settings: map[string]string{},
	}
}

func (w *world) facts() planner.Facts {
	text, number := types.Of(types.String), types.Of(types.BigInt)
	return planner.Facts{
		Catalog: w.cat, Functions: w.registry, Topics: w.topics, Settings: w.settings,
		Now: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC),
		Objects: func(kind, name string) (int64, bool) {
			n, ok := map[string]int64{"class pg_catalog.pg_class": 1259, "class Mixed.name": 7, "namespace public": 2200}[kind+" "+name]
			return n, ok
		},
		Virtual: map[string]types.Columns{
			"pg_catalog.pg_class": {
				{Name: "oid", Type: number},
				{Name: "relname", Type: text},
				{Name: "relnamespace", Type: number},
				{Name: "relkind", Type: text},
				{Name: "relowner", Type: number},
				{Name: "relam", Type: number},
			},
			"pg_catalog.pg_namespace":   {{Name: "oid", Type: number}, {Name: "nspname", Type: text}},
			"information_schema.tables": {{Name: "table_schema", Type: text}, {Name: "table_name", Type: text}},
		},
	}
}

// apply does what the engine does with a command: topics exist, the catalogue moves on.
func (w *world) apply(r *planner.Result) error {
	encoded, err := catalog.Encode(r.Command)
	if err != nil {
		return err
	}
	cmd, err := catalog.Decode(encoded)
	if err != nil {
		return err
	}
	for _, ch := range cmd.Changes {
		for _, t := range ch.Topics {
			n := t.Partitions
			if n < 0 {
				n = 1
			}
			w.topics[t.Name] = planner.TopicFacts{Exists: true, Partitions: n, Retention: t.Configs["retention.ms"]}
		}
	}
	next, err := catalog.Apply(w.cat, cmd)
	if err != nil {
		return err
	}
	w.cat = next
	return nil
}

// picture is an error with the line it points into.
func picture(text string, err error) string {
	var e *sqlerr.Error
	if !errors.As(err, &e) {
		return "not a sqlerr: " + err.Error() + "\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "ERROR %s: %s\n", e.Code, e.Message)
	if e.Pos.Known() {
		at := min(e.Pos.Offset(), len(text))
		from := strings.LastIndexByte(text[:at], '\n') + 1
		line, _, _ := strings.Cut(text[from:], "\n")
		fmt.Fprintf(&b, "  %s\n  %s^\n", line, strings.Repeat(" ", len([]rune(text[from:at]))))
	}
	if e.Detail != "" {
		fmt.Fprintf(&b, "DETAIL: %s\n", strings.ReplaceAll(e.Detail, "\n", "\n        "))
	}
	if e.Hint != "" {
		fmt.Fprintf(&b, "HINT: %s\n", e.Hint)
	}
	return b.String()
}

func columnsText(columns types.Columns) string {
	parts := make([]string, len(columns))
	for i, c := range columns {
		parts[i] = c.Name + " " + c.Type.String()
	}
	return strings.Join(parts, ", ")
}

// summary is a result in words.
func (w *world) summary(r *planner.Result, verbose bool) string {
	var b strings.Builder
	for _, n := range r.Notices {
		fmt.Fprintf(&b, "NOTICE: %s\n", n)
	}
	if len(r.ParamTypes) > 0 {
		b.WriteString("params:")
		for _, t := range r.ParamTypes {
			b.WriteString(" " + t.String())
		}
		b.WriteString("\n")
	}
	for _, t := range r.Topics {
		fmt.Fprintf(&b, "topic: %s partitions=%d %v\n", t.Name, t.Partitions, t.Configs)
	}
	if r.Command != nil {
		for _, ch := range r.Command.Changes {
			b.WriteString(change(ch))
		}
	}
	plan := r.Plan
	switch r.Kind {
	case planner.KindSelect, planner.KindPush:
		fmt.Fprintf(&b, "columns: %s\n", columnsText(r.Columns))
		for _, rel := range r.Materialise {
			fmt.Fprintf(&b, "materialise: %s\n", rel.Name)
		}
	case planner.KindInsert:
		fmt.Fprintf(&b, "insert into %s: %s\n", r.Insert.Relation.Name, columnsText(r.Insert.Plan.Output))
		for _, row := range rows(r.Insert.Plan) {
			fmt.Fprintf(&b, "  (%s)\n", row)
		}
		plan = nil
	case planner.KindSet:
		fmt.Fprintf(&b, "set: %+v\n", *r.Set)
	case planner.KindShow:
		fmt.Fprintf(&b, "show: %+v columns: %s\n", r.Show, columnsText(r.Columns))
	case planner.KindPrint:
		fmt.Fprintf(&b, "print: %+v\n", *r.Print)
	case planner.KindTransaction:
		fmt.Fprintf(&b, "transaction: %s\n", r.Verb)
	}
	if plan != nil && verbose {
		b.WriteString(strings.Join(explain.Tree(plan), "\n") + "\n")
	}
	if b.Len() == 0 {
		return "ok\n"
	}
	return b.String()
}

func change(ch catalog.Change) string {
	switch {
	case ch.Create != nil:
		r := ch.Create.Relation
		var columns []string
		for _, c := range r.Columns {
			text := c.Name + " " + c.Type.String()
			if c.Key {
				text += " key"
			}
			if c.Hidden {
				text += " hidden"
			}
			columns = append(columns, text)
		}
		out := fmt.Sprintf("create %s %s (%s) key=%s value=%s\n", strings.ToLower(string(r.Kind)), r.ID, strings.Join(columns, ", "), r.KeyFormat.Name, r.ValueFormat.Name)
		if ch.Create.Query != nil {
			out += fmt.Sprintf("query %s reads %v\n", ch.Create.Query.ID, ch.Create.Query.Sources)
		}
		return out
	case ch.Drop != nil:
		return fmt.Sprintf("drop %s delete-topic=%q\n", ch.Drop.Name, ch.Drop.DeleteTopic)
	case ch.Control != nil:
		return fmt.Sprintf("%s %v\n", ch.Control.Verb, ch.Control.Queries)
	case ch.Insert != nil:
		return fmt.Sprintf("query %s reads %v\n", ch.Insert.ID, ch.Insert.Sources)
	}
	return "comment\n"
}

// TestPlan runs testdata: each "run" applies its statements one after the other, "plan" also shows plans.
func TestPlan(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		if strings.HasSuffix(path, "fuzz") {
			t.Skip("corpus of fuzz tests")
		}
		w := newWorld(catalog.Postgres)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "world":
				w = newWorld(catalog.Dialect(d.CmdArgs[0].Key))
				return "ok\n"
			case "topic":
				var n int
				d.ScanArgs(t, "partitions", &n)
				w.topics[d.Input] = planner.TopicFacts{Exists: true, Partitions: int32(n)}
				return "ok\n"
			case "set":
				name, value, _ := strings.Cut(d.Input, " ")
				w.settings[name] = value
				return "ok\n"
			case "run", "plan":
				return w.run(d.Input, d.Cmd == "plan")
			}
			d.Fatalf(t, "unknown command %s", d.Cmd)
			return ""
		})
	})
}

func (w *world) run(text string, verbose bool) string {
	statements, err := parser.Parse(text)
	if err != nil {
		return picture(text, err)
	}
	var b strings.Builder
	for _, s := range statements {
		r, err := planner.Plan(w.facts(), s, s.Span().Text(text))
		if err != nil {
			return b.String() + picture(text, err)
		}
		b.WriteString(w.summary(r, verbose))
		if r.Command != nil {
			if err := w.apply(r); err != nil {
				return b.String() + picture(text, err)
			}
			if err := w.restarts(r); err != nil {
				return b.String() + "restart: " + picture(text, err)
			}
		}
	}
	return b.String()
}

// restarts holds that every query just made can be planned again from its text, with the same state.
func (w *world) restarts(r *planner.Result) error {
	for _, q := range r.Queries {
		kept := w.cat.Query(q.ID)
		stmt, err := parser.ParseOne(kept.Text)
		if err != nil {
			return err
		}
		again, err := planner.Restart(w.facts(), kept, stmt)
		if err != nil {
			return err
		}
		before, after := strings.Join(explain.Tree(q.Plan), "\n"), strings.Join(explain.Tree(again), "\n")
		if before != after {
			return sqlerr.Newf(sqlerr.Internal, 0, "plans differ:\n%s\n%s", before, after)
		}
	}
	return nil
}

// rows are the rows of a plan of literals, as text.
func rows(p *physical.Plan) []string {
	values, ok := p.Root.(*physical.Values)
	if !ok {
		return explain.Tree(p)
	}
	var out []string
	for _, row := range values.Rows {
		parts := make([]string, len(row))
		for i, e := range row {
			parts[i] = expr.String(e)
		}
		out = append(out, strings.Join(parts, ", "))
	}
	return out
}
