package task

import (
	"context"
	"errors"
	"fmt"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/format"
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/vector"
	"github.com/freshetdb/freshet/storage/record"
)

// Scanner reads topics for one-shot SELECTs. It implements pull.TopicScanner and is safe for concurrent use.
type Scanner struct {
	Client  client.Client
	Formats *format.Registry
	Dialect functions.Dialect
}

// ScanTopic pushes the rows of a scan, partition by partition, up to the committed end at the time of the call. Records that cannot be
// decoded are left out, as they are for kept queries; with StopOnError the first one ends the statement (22000).
func (s *Scanner) ScanTopic(ctx context.Context, scan *physical.Scan, push func(*vector.Chunk) error) error {
	var refused error
	src, err := newSource(scan, s.Formats, s.Dialect, func(b BadRecord) {
		if scan.StopOnError && refused == nil {
			refused = sqlerr.Newf(sqlerr.DataException, 0, "record at %s-%d offset %d: %s", b.Topic, b.Partition, b.Offset, b.Cause)
		}
	})
	if err != nil {
		return err
	}
	parts, err := s.bounds(ctx, scan)
	if err != nil {
		return err
	}
	for _, p := range parts {
		err := s.scanPartition(ctx, p, src, push)
		if err == nil {
			err = refused
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// span is the part of a partition that a statement reads.
type span struct {
	tp       client.TopicPartition
	from, to int64
}

// bounds fixes what the statement reads, before it reads any of it.
func (s *Scanner) bounds(ctx context.Context, scan *physical.Scan) ([]span, error) {
	topic, err := s.Client.Topic(ctx, scan.Topic)
	if err != nil {
		return nil, sqlerr.Wrap(err, sqlerr.UndefinedObject, "topic %q of %q cannot be read: %s", scan.Topic, scan.Relation, err)
	}
	parts := make([]span, topic.Partitions)
	for i := range parts {
		parts[i].tp = client.TopicPartition{Topic: scan.Topic, Partition: int32(i)}
		bounds, err := s.Client.Offsets(ctx, parts[i].tp)
		if err != nil {
			return nil, err
		}
		parts[i].from, parts[i].to = bounds.Start, bounds.LastStable
	}
	return parts, nil
}

func (s *Scanner) scanPartition(ctx context.Context, p span, src *source, push func(*vector.Chunk) error) error {
	if p.from >= p.to {
		return nil
	}
	come := newArrivals()
	c, err := newCursor(s.Client, p.tp, p.from, client.ReadCommitted, come.wake)
	if err != nil {
		return err
	}
	defer c.close()
	var (
		cols record.Columns
		dec  record.Decompressor
	)
	for c.next < p.to {
		if err := ctx.Err(); err != nil {
			return sqlerr.Wrap(err, sqlerr.QueryCanceled, "canceling statement due to user request")
		}
		before := c.next
		at, err := c.fill(ctx, &dec, &cols, vector.MaxRows)
		if err != nil {
			return err
		}
		end := firstAtOrAfter(cols.Offsets, p.to)
		for ; at < end; at += vector.MaxRows {
			chunk, _ := src.decode(&cols, at, min(at+vector.MaxRows, end), p.tp.Partition)
			if chunk.Rows() == 0 {
				continue
			}
			if err := push(chunk); err != nil {
				return err
			}
		}
		c.delivered(&cols, len(cols.Offsets))
		if c.next > before {
			continue
		}
		if err := come.next(ctx); errors.Is(err, errMissing) {
			return fmt.Errorf("read %s-%d at %d, committed end is %d: %w", p.tp.Topic, p.tp.Partition, c.next, p.to, err)
		} // a context that is over is told above
	}
	return nil
}
