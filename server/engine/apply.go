package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/planner"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/parser"
	"github.com/freshetdb/freshet/sql/sqlerr"
)

// apply makes the next snapshot of a command; with effects it also makes its topics and starts, stops, pauses and resumes queries.
// The tail's goroutine alone calls it. A command that cannot be applied changes nothing but the version.
func (e *Engine) apply(ctx context.Context, version uint64, c *catalog.Command, effects bool) error {
	old := e.now.Load()
	before := old.catalogs[c.Database]
	if before == nil {
		before = newDatabase(c.Database, c.Dialect).At(version << databaseVersionShift)
	}
	next := &snapshot{version: version, catalogs: old.catalogs}
	after, err := catalog.Apply(before, c)
	if err != nil {
		e.now.Store(next)
		return err
	}
	next.catalogs = maps.Clone(old.catalogs)
	next.catalogs[c.Database] = after
	for i := range c.Changes {
		for _, t := range c.Changes[i].Topics {
			e.topics[t.Name] = t
		}
	}
	if !effects {
		e.now.Store(next)
		return nil
	}
	err = e.makeTopics(ctx, c)
	e.now.Store(next)
	return errors.Join(err, e.change(ctx, before, after), e.deleteTopics(ctx, c))
}

// databaseVersionShift keeps the versions of databases apart: each may change a billion times.
const databaseVersionShift = 30

// makeTopics creates the topics a command needs, those that exist already left as they are.
func (e *Engine) makeTopics(ctx context.Context, c *catalog.Command) error {
	for i := range c.Changes {
		for _, t := range c.Changes[i].Topics {
			if err := e.makeTopic(ctx, t); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *Engine) makeTopic(ctx context.Context, t catalog.Topic) error {
	spec := client.TopicSpec{Name: t.Name, Partitions: max(t.Partitions, 0), Replicas: t.Replicas, Configs: t.Configs}
	_, err := e.opts.Client.CreateTopic(ctx, spec)
	if err == nil || errors.Is(err, client.ErrTopicExists) {
		return nil
	}
	if errors.Is(err, client.ErrInvalidConfig) {
		return sqlerr.Wrap(err, sqlerr.InvalidParameterValue, "topic %q cannot be created: %s", t.Name, err)
	}
	return fmt.Errorf("create topic %q: %w", t.Name, err)
}

func (e *Engine) deleteTopics(ctx context.Context, c *catalog.Command) error {
	for i := range c.Changes {
		if d := c.Changes[i].Drop; d != nil && d.DeleteTopic != "" {
			if err := e.opts.Client.DeleteTopic(ctx, d.DeleteTopic); err != nil && !errors.Is(err, client.ErrUnknownTopic) {
				return fmt.Errorf("delete topic %q: %w", d.DeleteTopic, err)
			}
		}
	}
	return nil
}

// change makes the executor run what the catalogue after says, given that it runs what the one before said.
func (e *Engine) change(ctx context.Context, before, after *catalog.Catalog) error {
	var errs []error
	for _, q := range before.Queries() {
		if now := after.Query(q.ID); now == nil || now.Text != q.Text {
			errs = append(errs, e.opts.Executor.StopQuery(ctx, e.runID(before, q.ID), true))
		}
	}
	for _, r := range before.Relations() {
		if now := after.RelationByID(r.ID); now == nil && r.Kind == catalog.Table {
			e.hidden.set(r.ID, false)
			errs = append(errs, e.opts.Executor.StopQuery(ctx, e.runID(before, hiddenID(r)), true))
		}
	}
	for _, q := range after.Queries() {
		was := before.Query(q.ID)
		switch {
		case was == nil || was.Text != q.Text:
			errs = append(errs, e.startQuery(ctx, after, q))
		case was.State != q.State && q.State == catalog.Paused:
			errs = append(errs, e.opts.Executor.PauseQuery(ctx, e.runID(after, q.ID)))
		case was.State != q.State:
			errs = append(errs, e.opts.Executor.ResumeQuery(ctx, e.runID(after, q.ID)))
		}
	}
	return errors.Join(errs...)
}

// startAll brings the executor to what the replayed catalogues say: topics that a crash kept from being made, queries that run.
func (e *Engine) startAll(ctx context.Context) error {
	for _, name := range e.Databases() {
		cat := e.Catalog(name)
		for _, r := range cat.Relations() {
			if t, known := e.topics[r.Topic]; known {
				if err := e.makeTopic(ctx, t); err != nil {
					return err
				}
			}
		}
		for _, q := range cat.Queries() {
			if err := e.startQuery(ctx, cat, q); err != nil {
				e.log.Error("query did not start", "query_id", q.ID, "database", name, "err", err)
			}
		}
	}
	return nil
}

// startQuery plans a kept query anew and hands it to the executor.
func (e *Engine) startQuery(ctx context.Context, cat *catalog.Catalog, q *catalog.Query) error {
	plan, err := e.replan(ctx, cat, q)
	if err != nil {
		return fmt.Errorf("plan query %s: %w", q.ID, err)
	}
	id := e.runID(cat, q.ID)
	if err := e.opts.Executor.StartQuery(id, physical.Fingerprint(plan), plan); err != nil { //nolint:contextcheck // a query outlives its statement
		return err
	}
	if q.State == catalog.Paused {
		return e.opts.Executor.PauseQuery(ctx, id)
	}
	return nil
}

func (e *Engine) replan(ctx context.Context, cat *catalog.Catalog, q *catalog.Query) (*physical.Plan, error) {
	stmt, err := parser.ParseOne(q.Text)
	if err != nil {
		return nil, err
	}
	facts, err := e.facts(ctx, cat, stmt, q.Settings, nil)
	if err != nil {
		return nil, err
	}
	return planner.Restart(facts, q, stmt)
}

// runID is a query's name in the executor, which knows no databases: topics and groups are named after it.
func (e *Engine) runID(cat *catalog.Catalog, id string) string {
	if cat.Database() == e.opts.Database {
		return id
	}
	return cat.Database() + "." + id
}

// hiddenID is the id of the query that keeps the rows of a table over a topic.
func hiddenID(r *catalog.Relation) string { return "rows-" + r.ID }

// hidden are the queries that keep the rows of tables over topics, started when such a table is first read.
type hidden struct {
	starting sync.Mutex // held while one is started, so that it is started once

	mu    sync.RWMutex    // guards: ready
	ready map[string]bool // by relation id: it runs and has read what was there when it was started
}

func (h *hidden) isReady(relation string) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.ready[relation]
}

func (h *hidden) set(relation string, ready bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ready == nil {
		h.ready = map[string]bool{}
	}
	h.ready[relation] = ready
}

// materialise starts the hidden queries of tables that do not run yet, and waits until they have read what is there: who finds one
// that another session is starting waits, too.
func (e *Engine) materialise(ctx context.Context, cat *catalog.Catalog, relations []*catalog.Relation) error {
	for _, r := range relations {
		if e.hidden.isReady(r.ID) {
			continue
		}
		id := e.runID(cat, hiddenID(r))
		if err := e.startHidden(id, cat, r); err != nil { //nolint:contextcheck // a query outlives its statement
			return err
		}
		if err := e.opts.Executor.WaitCaughtUp(ctx, id); err != nil {
			return err
		}
		e.hidden.set(r.ID, true)
	}
	return nil
}

func (e *Engine) startHidden(id string, cat *catalog.Catalog, r *catalog.Relation) error {
	e.hidden.starting.Lock()
	defer e.hidden.starting.Unlock()
	if e.opts.Executor.Running(id) {
		return nil
	}
	plan := planner.Materialise(r, cat.Dialect())
	return e.opts.Executor.StartQuery(id, physical.Fingerprint(plan), plan)
}

// dialectOf is a database's accent as functions know it.
func dialectOf(cat *catalog.Catalog) functions.Dialect {
	if cat.Dialect() == catalog.KsqlDB {
		return functions.KsqlDB
	}
	return functions.Postgres
}
