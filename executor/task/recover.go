package task

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/executor/state"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/storage/record"
)

// recover puts the task where its last commit left it. The order matters (KIP-447): positions with no open transaction, then
// the dump, then the changelog to its committed end, then input.
func (t *Task) recover(ctx context.Context) error {
	positions, err := t.env.Client.Committed(ctx, t.spec.Group(), true)
	if err != nil {
		return fmt.Errorf("read the positions of group %q: %w", t.spec.Group(), err)
	}
	if t.store != nil {
		began := t.env.Now()
		if err := t.recoverState(ctx, len(positions) > 0); err != nil {
			return err
		}
		if len(positions) > 0 {
			t.log.Info("state recovered", "bytes", t.store.Bytes(), "took_ms", t.env.Now().Sub(began).Milliseconds())
		}
	}
	return t.openInputs(ctx, positions)
}

// recoverState loads the dump and replays the changelog behind it, or makes the changelog's topic.
func (t *Task) recoverState(ctx context.Context, committed bool) error {
	_, err := t.env.Client.Topic(ctx, t.spec.Changelog())
	if errors.Is(err, client.ErrUnknownTopic) {
		if committed {
			return fmt.Errorf("changelog %q of a query that has committed is gone", t.spec.Changelog())
		}
		_, err = t.env.Client.CreateTopic(ctx, client.TopicSpec{
			Name: t.spec.Changelog(), Partitions: state.ChangelogPartitions,
			Configs: map[string]string{"retention.ms": "-1", "retention.bytes": "-1", "cleanup.policy": "delete"},
		})
		if errors.Is(err, client.ErrTopicExists) {
			err = nil
		}
		return err
	}
	if err != nil {
		return err
	}
	at, err := t.dumps.load()
	if err != nil {
		return err
	}
	return t.replay(ctx, at)
}

// replay applies the changelog from at to its committed end.
func (t *Task) replay(ctx context.Context, at state.Positions) error {
	var bytes int64
	for p := range at {
		tp := client.TopicPartition{Topic: t.spec.Changelog(), Partition: int32(p)}
		bounds, err := t.env.Client.Offsets(ctx, tp)
		if err != nil {
			return err
		}
		if at[p] < bounds.Start {
			return fmt.Errorf("changelog %s-%d begins at %d, the newest good dump ends at %d: state cannot be recovered", tp.Topic, tp.Partition, bounds.Start, at[p])
		}
		n, err := t.replayPartition(ctx, tp, at[p], bounds.LastStable)
		if err != nil {
			return err
		}
		bytes += n
		at[p] = max(at[p], bounds.LastStable)
	}
	t.change.restored(at, bytes)
	t.store.Committed(0, &at)
	return nil
}

// replayPartition applies [from, to) of one partition and returns the bytes applied.
func (t *Task) replayPartition(ctx context.Context, tp client.TopicPartition, from, to int64) (bytes int64, err error) {
	come := newArrivals()
	c, err := newCursor(t.env.Client, tp, from, client.ReadCommitted, come.wake)
	if err != nil {
		return 0, err
	}
	defer c.close()
	var cols record.Columns
	for c.next < to {
		at, err := c.fill(ctx, &t.dec, &cols, replayRows)
		if err != nil {
			return bytes, err
		}
		for i := at; i < len(cols.Offsets); i++ {
			key, value := columnBytes(&cols, cols.KeyOff[i], cols.KeyLen[i]), columnBytes(&cols, cols.ValOff[i], cols.ValLen[i])
			if err := t.store.Restore(key, value); err != nil {
				return bytes, fmt.Errorf("replay %s-%d at %d: %w", tp.Topic, tp.Partition, cols.Offsets[i], err)
			}
			bytes += int64(len(key) + len(value))
		}
		before := c.next
		c.delivered(&cols, len(cols.Offsets))
		if c.next > before {
			continue
		}
		if err := come.next(ctx); err != nil {
			return bytes, fmt.Errorf("replay %s-%d at %d, committed end is %d: %w", tp.Topic, tp.Partition, c.next, to, err)
		}
	}
	return bytes, nil
}

// replayRows is how many changelog records are applied at a time.
const replayRows = 8192

// columnBytes is a payload of columns; nil for null.
func columnBytes(cols *record.Columns, off, length int32) []byte {
	if length < 0 {
		return nil
	}
	return cols.Buf[off : off+length : off+length]
}

// openInputs opens a cursor a partition at the committed position, or where the source begins.
func (t *Task) openInputs(ctx context.Context, positions map[client.TopicPartition]client.Committed) error {
	watermark := int64(math.MinInt64)
	count := 0
	for _, in := range t.inputs {
		topic, err := t.env.Client.Topic(ctx, in.scan.Topic)
		if errors.Is(err, client.ErrUnknownTopic) && len(positions) > 0 {
			// The topic was deleted after we had read it: what the query keeps can still be asked.
			t.log.Warn("input topic is gone, the query keeps what it has", "topic", in.scan.Topic)
			in.missing = true
			continue
		}
		if err != nil {
			return fmt.Errorf("topic %q: %w", in.scan.Topic, err)
		}
		for i := range topic.Partitions {
			tp := client.TopicPartition{Topic: in.scan.Topic, Partition: i}
			next, known, err := startOf(ctx, t.env.Client, in.scan.Start, tp, positions)
			if err != nil {
				return err
			}
			t.skipped(tp, next, positions)
			if w, err := strconv.ParseInt(positions[tp].Metadata, 10, 64); known && err == nil {
				watermark = max(watermark, w)
			}
			c, err := newCursor(t.env.Client, tp, next, client.ReadCommitted, t.woken)
			if err != nil {
				return err
			}
			p := &partition{cursor: c, index: count, lastMax: noTime, flushed: -1}
			if known {
				p.flushed = positions[tp].Offset
			}
			in.cursors = append(in.cursors, p)
			count++
		}
	}
	t.clock = newEventClock(count, t.env.IdleTimeout, watermark, t.env.Now())
	at := map[client.TopicPartition]int64{}
	for tp, c := range positions {
		at[tp] = c.Offset
	}
	t.progress.commit(at)
	return nil
}

// startOf is where to begin a partition: at its committed position, or as the source says.
func startOf(ctx context.Context, c client.Client, start physical.Start, tp client.TopicPartition, positions map[client.TopicPartition]client.Committed) (at int64, known bool, err error) {
	bounds, err := c.Offsets(ctx, tp)
	if err != nil {
		return 0, false, err
	}
	if p, ok := positions[tp]; ok && p.Offset <= bounds.HighWatermark {
		// What retention has deleted meanwhile cannot be read any more: see skipped.
		return max(p.Offset, bounds.Start), true, nil
	} else if ok {
		// The topic was deleted and made anew: its records are not those the position counts.
		return bounds.Start, false, nil
	}
	switch {
	case start.TimestampMS != nil:
		at, err = c.OffsetForTime(ctx, tp, time.UnixMilli(*start.TimestampMS))
		return at, false, err
	case start.Latest && !reads(positions, tp.Topic):
		return bounds.LastStable, false, nil
	}
	return bounds.Start, false, nil // of a partition added since, everything counts
}

// reads tells whether a query has committed positions in a topic: in every partition there was then.
func reads(positions map[client.TopicPartition]client.Committed, topic string) bool {
	for tp := range positions {
		if tp.Topic == topic {
			return true
		}
	}
	return false
}

// skipped tells, in the log and the error stream, that a query does not go on where it stopped: what lay there is gone.
func (t *Task) skipped(tp client.TopicPartition, next int64, positions map[client.TopicPartition]client.Committed) {
	was, known := positions[tp]
	if !known || was.Offset == next {
		return
	}
	cause := fmt.Sprintf("records %d to %d were deleted before the query read them; it goes on at %d", was.Offset, next-1, next)
	if next < was.Offset {
		cause = fmt.Sprintf("the partition ends before %d, where the query stopped: it was made again; the query goes on at its start, %d", was.Offset, next)
	}
	t.log.Warn("the query does not go on where it stopped", "topic", tp.Topic, "partition", tp.Partition, "cause", cause)
	t.badRows.Add(1)
	t.errors.add(errorEntry{Query: t.spec.ID, Topic: tp.Topic, Partition: &tp.Partition, Offset: &was.Offset, Cause: cause})
	t.dirty = true // the entry and the position are committed though nothing comes
}
