package engine

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/freshetdb/freshet/executor/query"
	"github.com/freshetdb/freshet/planner"
	"github.com/freshetdb/freshet/server/session"
	"github.com/freshetdb/freshet/sql/settings"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// internalPrefix begins the names of topics that are Freshet's own.
const internalPrefix = "_"

// show yields the rows of a SHOW that only the engine can answer.
func (e *Engine) show(ctx context.Context, sess *session.Session, p *planned, yield session.Yield) error {
	show, columns := p.result.Show, p.result.Columns
	var rows [][]string
	var err error
	switch show.What {
	case "TOPICS":
		rows, err = e.showTopics(ctx, show.All)
	case "QUERIES":
		rows = e.showQueries(p)
	case "PROPERTIES":
		for _, s := range e.settingRows(workOf(sess).settings) {
			rows = append(rows, []string{s.Name, s.Value, s.Help})
		}
	case "SETTING":
		rows, err = e.showSetting(workOf(sess).settings, show.Name)
	case "EXPLAIN":
		rows, err = e.explain(ctx, p)
	default:
		err = sqlerr.Unsupported(p.stmt.Pos(), "SHOW "+show.What)
	}
	if err != nil {
		return err
	}
	return yieldText(columns, rows, yield)
}

func (e *Engine) showTopics(ctx context.Context, all bool) ([][]string, error) {
	topics, err := e.opts.Client.Topics(ctx)
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for _, t := range topics {
		if !all && (t.Internal || strings.HasPrefix(t.Name, internalPrefix)) {
			continue
		}
		rows = append(rows, []string{t.Name, itoa(int(t.Partitions)), "1"})
	}
	return rows, nil
}

func (e *Engine) showQueries(p *planned) [][]string {
	running := map[string]query.Status{}
	for _, s := range e.opts.Executor.Statuses() {
		running[s.ID] = s
	}
	var rows [][]string
	for _, q := range p.catalog.Queries() {
		s, known := running[e.runID(p.catalog, q.ID)]
		if !known {
			s.State = "NOT RUNNING"
		}
		row := []string{q.ID, string(s.State), q.Sink, strings.Join(q.Sources, ", ")}
		for _, n := range []int64{s.Records, s.Committed, s.BadRecords, s.Late, s.StateBytes, int64(s.Restarts)} {
			row = append(row, strconv.FormatInt(n, 10))
		}
		rows = append(rows, append(row, e.cause(s), q.Text))
	}
	return rows
}

// cause is why a query failed last, with its next try while it waits for one; or that it waits for a log that is away.
func (e *Engine) cause(s query.Status) string {
	if remote, ok := e.opts.Client.(interface{ Away() (time.Time, error) }); ok && s.State == query.Running {
		if since, err := remote.Away(); err != nil {
			return fmt.Sprintf("waits: the Kafka cluster does not answer since %s (%s)", since.UTC().Format(time.TimeOnly), err)
		}
	}
	if s.State == query.Failed && !s.NextTry.IsZero() {
		return s.Cause + " (next try " + s.NextTry.UTC().Format(time.TimeOnly) + ")"
	}
	return s.Cause
}

func (e *Engine) showSetting(values *settings.Values, name string) ([][]string, error) {
	if name == "" {
		var rows [][]string
		for _, s := range e.settingRows(values) {
			rows = append(rows, []string{s.Name, s.Value, s.Help})
		}
		return rows, nil
	}
	if strings.EqualFold(strings.NewReplacer(".", " ", "_", " ").Replace(name), "transaction isolation level") {
		name = "transaction_isolation"
	}
	_, value, err := values.Show(name)
	if err != nil {
		return nil, err
	}
	return [][]string{{value}}, nil
}

// explain shows the plan of a running query.
func (e *Engine) explain(ctx context.Context, p *planned) ([][]string, error) {
	q := p.catalog.Query(p.result.Show.Name)
	if q == nil {
		return nil, sqlerr.Newf(sqlerr.UndefinedObject, p.stmt.Pos(), "query %q does not exist", p.result.Show.Name)
	}
	plan, err := e.replan(ctx, p.catalog, q)
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for _, line := range planner.Explain(plan) {
		rows = append(rows, []string{line})
	}
	return rows, nil
}

// yieldText yields rows of text as values of the columns' types. "" in a column that is not text is null.
func yieldText(columns types.Columns, rows [][]string, yield session.Yield) error {
	for len(rows) > 0 {
		n := min(len(rows), vector.MaxRows)
		c := &vector.Chunk{N: n}
		for i, col := range columns {
			v := &vector.Vector{}
			v.Reset(col.Type, 0)
			for _, row := range rows[:n] {
				if err := appendText(v, row[i]); err != nil {
					return err
				}
			}
			c.Cols = append(c.Cols, v)
		}
		if err := yield(c); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// appendText appends a text as a value of an integer or text column.
func appendText(v *vector.Vector, text string) error {
	if v.Type.ID == types.String {
		v.AppendString(text)
		return nil
	}
	if text == "" {
		v.AppendNull()
		return nil
	}
	d, err := vector.ParseText(v.Type, text, nil)
	if err != nil {
		return err
	}
	v.AppendInt(d.I)
	return nil
}

// set runs SET and RESET.
func (e *Engine) set(sess *session.Session, s *planner.Set, r *session.Result) error {
	w := workOf(sess)
	local := s.Local && sess.Status() == session.Open
	var err error
	switch {
	case s.Reset && (s.Name == "" || s.Name == "all"):
		w.settings.ResetAll()
	case s.Reset:
		err = w.settings.Reset(s.Name)
	case s.Local && !local:
		r.Notices = append(r.Notices, warning(sqlerr.NoActiveTransaction, "SET LOCAL can only be used in transaction blocks"))
	default:
		err = w.settings.Set(s.Name, s.Value, local)
	}
	if err != nil {
		return err
	}
	w.refresh(sess)
	return nil
}
