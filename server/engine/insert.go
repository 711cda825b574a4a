package engine

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/planner"
	"github.com/freshetdb/freshet/server/session"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/vector"
)

// batch is a record batch for a partition.
type batch struct {
	to    client.TopicPartition
	bytes []byte
}

// transactionBytesMax bounds the records an open transaction collects in memory.
const transactionBytesMax = 64 << 20

// insert evaluates INSERT … VALUES and writes the records, or collects them in a transaction. It gives the command tag.
func (e *Engine) insert(ctx context.Context, sess *session.Session, p *planned, args []argument) (tag string, err error) {
	w := workOf(sess)
	in := p.result.Insert
	batches, rows, err := e.encode(ctx, sess, p, in, args)
	if err != nil {
		return "", err
	}
	for _, b := range batches {
		w.tx.bytes += len(b.bytes)
	}
	if w.tx.bytes > transactionBytesMax && w.tx.collects(sess) {
		return "", sqlerr.Newf(sqlerr.ConfigurationLimitExceeded, p.stmt.Pos(), "a transaction may insert at most %d MiB", transactionBytesMax>>20).
			WithHint("COMMIT more often; a single statement is atomic by itself")
	}
	w.tx.records = append(w.tx.records, batches...)
	if w.tx.written == nil {
		w.tx.written = map[string]bool{}
	}
	w.tx.written[in.Relation.Topic] = true
	if !w.tx.collects(sess) {
		err = e.flush(ctx, sess)
	}
	return "INSERT 0 " + strconv.Itoa(rows), err
}

// encode evaluates an insert's rows and makes record batches of them.
func (e *Engine) encode(ctx context.Context, sess *session.Session, p *planned, in *planner.Insert, args []argument) ([]batch, int, error) {
	plan, err := bound(in.Plan, args)
	if err != nil {
		return nil, 0, err
	}
	partitions := in.Relation.Partitions
	if t, err := e.opts.Client.Topic(ctx, in.Sink.Topic); err == nil {
		partitions = t.Partitions
	}
	enc, err := e.opts.Executor.NewInserter(in.Sink, max(partitions, 1), plan.Dialect)
	if err != nil {
		return nil, 0, err
	}
	env := e.environment(sess, p.catalog)
	nowMS := env.Now / 1000
	rows := 0
	var times []int64
	err = e.opts.Executor.Pull(ctx, plan, env, virtualTables{e: e, sess: sess, cat: p.catalog}, func(c *vector.Chunk) error {
		if err := notNull(in.Relation, c); err != nil {
			return err
		}
		rows += c.Rows()
		for len(times) < c.N {
			times = append(times, nowMS)
		}
		stamped := *c
		stamped.Time = times[:c.N]
		return enc.Push(&stamped)
	})
	if err != nil {
		return nil, 0, because(ctx, err)
	}
	made, err := enc.Batches()
	if err != nil {
		return nil, 0, err
	}
	batches := make([]batch, len(made))
	for i, b := range made {
		batches[i] = batch{to: b.To, bytes: b.Bytes}
	}
	return batches, rows, nil
}

// notNull refuses rows of a table without a whole key: 23502.
func notNull(r *catalog.Relation, c *vector.Chunk) error {
	if r.Kind != catalog.Table {
		return nil
	}
	for _, k := range r.Keys() {
		for i := range c.Rows() {
			row := i
			if c.Sel != nil {
				row = int(c.Sel[i])
			}
			if c.Cols[k].IsNull(row) {
				return sqlerr.Newf(sqlerr.NotNullViolation, 0, "null value in column %q of relation %q violates not-null constraint", r.Columns[k].Name, r.Name).
					WithDetail("it is part of the primary key")
			}
		}
	}
	return nil
}

// writerID is the transactional id of writes that touch several partitions.
const writerID = "_freshet-insert"

// writer appends the batches of a statement or transaction, all or none.
type writer struct {
	client client.Client

	plain         sync.Mutex // guards: one
	one           client.Producer
	transactional sync.Mutex // held over a transaction; guards: many
	many          client.Producer
}

// write appends batches: a single one by itself, which is atomic as it is; several in a transaction. It returns when they are durable.
func (w *writer) write(ctx context.Context, batches []batch) error {
	if len(batches) == 1 {
		return w.append(ctx, batches[0])
	}
	w.transactional.Lock()
	defer w.transactional.Unlock()
	if w.many == nil {
		p, err := w.client.Producer(ctx, client.ProducerOptions{TransactionalID: writerID})
		if err != nil {
			return writeError(err, batches[0].to.Topic)
		}
		w.many = p
	}
	acks := make(chan error, len(batches)+1)
	for _, b := range batches {
		w.many.Produce(b.to, b.bytes, func(a client.Ack) { acks <- a.Err })
	}
	var failed error
	for range batches {
		if err := <-acks; err != nil && failed == nil {
			failed = err
		}
	}
	if failed == nil {
		w.many.Commit(func(err error) { acks <- err })
		failed = <-acks
	} else if err := w.many.Abort(ctx); err != nil {
		failed = errors.Join(failed, err)
	}
	if failed == nil {
		return nil
	}
	failed = errors.Join(failed, w.many.Close())
	w.many = nil
	return writeError(failed, batches[0].to.Topic)
}

func (w *writer) append(ctx context.Context, b batch) error {
	acked := make(chan error, 1)
	w.plain.Lock()
	if w.one == nil {
		p, err := w.client.Producer(ctx, client.ProducerOptions{})
		if err != nil {
			w.plain.Unlock()
			return writeError(err, b.to.Topic)
		}
		w.one = p
	}
	w.one.Produce(b.to, b.bytes, func(a client.Ack) { acked <- a.Err })
	w.plain.Unlock()
	if err := <-acked; err != nil {
		w.plain.Lock()
		defer w.plain.Unlock()
		if w.one != nil {
			err = errors.Join(err, w.one.Close())
			w.one = nil
		}
		return writeError(err, b.to.Topic)
	}
	return nil
}

func writeError(err error, topic string) error {
	if errors.Is(err, client.ErrUnknownTopic) {
		return sqlerr.Wrap(err, sqlerr.UndefinedObject, "topic %q does not exist", topic).WithHint("somebody has deleted it; CREATE OR REPLACE the relation")
	}
	return sqlerr.Wrap(fmt.Errorf("write to topic %q: %w", topic, err), sqlerr.IOError, "records could not be written to topic %q: %s", topic, err)
}

func (w *writer) close() {
	w.plain.Lock()
	defer w.plain.Unlock()
	w.transactional.Lock()
	defer w.transactional.Unlock()
	for _, p := range []client.Producer{w.one, w.many} {
		if p != nil {
			_ = p.Close() // nothing is under way; its error would tell nobody anything
		}
	}
	w.one, w.many = nil, nil
}
