package engine

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/planner"
	"github.com/freshetdb/freshet/server/session"
	"github.com/freshetdb/freshet/server/tail"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// printer reads a topic's committed records for PRINT, all partitions.
type printer struct {
	parts   []*tail.Partition
	columns types.Columns
	every   int64
	left    int64 // -1: no limit
	seen    int64
	moved   chan struct{}
	stop    context.CancelFunc
	watched chan struct{}
	chunk   vector.Chunk
}

// prints makes PRINT an endless result of a row a record.
func (e *Engine) prints(ctx context.Context, p *planner.Print, timeout time.Duration, r *session.Result) error {
	topic, err := e.opts.Client.Topic(ctx, p.Topic)
	if err != nil {
		return sqlerr.Wrap(err, sqlerr.UndefinedObject, "topic %q does not exist", p.Topic)
	}
	pr := &printer{columns: r.Columns, every: p.Interval, left: p.Limit}
	r.Counted = true
	r.OnClose = pr.close
	for i := range topic.Partitions {
		tp := client.TopicPartition{Topic: p.Topic, Partition: i}
		bounds, err := e.opts.Client.Offsets(ctx, tp)
		if err != nil {
			pr.close()
			return fmt.Errorf("print %s-%d: %w", p.Topic, i, err)
		}
		from := bounds.HighWatermark
		if p.FromBeginning {
			from = bounds.Start
		}
		part, err := tail.Open(e.opts.Client, tp, from)
		if err != nil {
			pr.close()
			return err
		}
		pr.parts = append(pr.parts, part)
	}
	r.Next = timed(pr.next, timeout)
	return nil
}

// next gives the records that are there, up to a chunk of them, or waits.
func (p *printer) next(ctx context.Context) (*vector.Chunk, error) {
	for {
		if p.left == 0 {
			return nil, io.EOF
		}
		p.reset()
		for i, part := range p.parts {
			if err := p.take(ctx, int32(i), part); err != nil {
				return nil, err
			}
		}
		if p.chunk.N > 0 {
			return &p.chunk, nil
		}
		if err := p.wait(ctx); err != nil {
			return nil, err
		}
	}
}

func (p *printer) reset() {
	if p.chunk.Cols == nil {
		for range p.columns {
			p.chunk.Cols = append(p.chunk.Cols, &vector.Vector{})
		}
	}
	for i, col := range p.columns {
		p.chunk.Cols[i].Reset(col.Type, 0)
	}
	p.chunk.N = 0
}

// printChunk is how many records are gathered before they are shown.
const printChunk = 256

func (p *printer) take(ctx context.Context, partition int32, part *tail.Partition) error {
	for p.chunk.N < printChunk && p.left != 0 {
		r, ok, err := part.Poll(ctx)
		if errors.Is(err, client.ErrUnknownTopic) {
			p.left = 0
			return nil
		}
		if err != nil || !ok {
			return err
		}
		p.seen++
		if (p.seen-1)%p.every != 0 {
			continue
		}
		c := p.chunk.Cols
		c[0].AppendInt(int64(partition))
		c[1].AppendInt(r.Offset)
		c[2].AppendInt(r.TimestampMS * 1000)
		appendPayload(c[3], r.Key)
		appendPayload(c[4], r.Value)
		p.chunk.N++
		if p.left > 0 {
			p.left--
		}
	}
	return nil
}

// appendPayload shows bytes as text where they are, else in hexadecimal.
func appendPayload(v *vector.Vector, b []byte) {
	switch {
	case b == nil:
		v.AppendNull()
	case utf8.Valid(b):
		v.AppendBytes(b)
	default:
		v.AppendString(`\x` + hex.EncodeToString(b))
	}
}

// wait waits until any partition has moved.
func (p *printer) wait(ctx context.Context) error {
	if len(p.parts) == 1 {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-p.parts[0].Moved():
			return nil
		}
	}
	if p.moved == nil {
		p.gather()
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-p.moved:
		return nil
	}
}

// gather merges the partitions' signals into one channel; close ends its goroutine.
func (p *printer) gather() {
	p.moved, p.watched = make(chan struct{}, 1), make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	p.stop = cancel
	ended := make(chan struct{}, len(p.parts))
	for _, part := range p.parts {
		go func() {
			defer func() { ended <- struct{}{} }()
			for {
				select {
				case <-ctx.Done():
					return
				case <-part.Moved():
				}
				select {
				case p.moved <- struct{}{}:
				default:
				}
			}
		}()
	}
	go func() {
		defer close(p.watched)
		for range p.parts {
			<-ended
		}
	}()
}

func (p *printer) close() {
	if p.stop != nil {
		p.stop()
		<-p.watched
	}
	for _, part := range p.parts {
		part.Close()
	}
	p.parts = nil
}
