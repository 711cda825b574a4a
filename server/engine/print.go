package engine

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/planner"
	"github.com/freshetdb/freshet/server/session"
	"github.com/freshetdb/freshet/server/tail"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// printer reads a topic's committed records for PRINT, all partitions.
type printer struct {
	parts   []*tail.Partition
	columns types.Columns
	number  types.ID // keys are numbers of this type as Kafka's serializers write them; Unknown: they are not
	every   int64
	left    int64 // -1: no limit
	seen    int64
	moved   chan struct{}
	stop    context.CancelFunc
	watched chan struct{}
	chunk   vector.Chunk
}

// prints makes PRINT an endless result of a row a record.
func (e *Engine) prints(ctx context.Context, cat *catalog.Catalog, p *planner.Print, timeout time.Duration, r *session.Result) error {
	topic, err := e.opts.Client.Topic(ctx, p.Topic)
	if errors.Is(err, client.ErrUnknownTopic) {
		return sqlerr.Wrap(err, sqlerr.UndefinedObject, "topic %q does not exist", p.Topic)
	}
	if err != nil {
		return err
	}
	pr := &printer{columns: r.Columns, number: keyNumber(cat, p.Topic), every: p.Interval, left: p.Limit}
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
		p.appendKey(c[3], r.Key)
		appendPayload(c[4], r.Value)
		p.chunk.N++
		if p.left > 0 {
			p.left--
		}
	}
	return nil
}

// keyNumber is the type of a topic's keys when a relation over it says that they are numbers, Unknown otherwise.
func keyNumber(cat *catalog.Catalog, topic string) types.ID {
	for _, r := range cat.Relations() {
		keys := r.Keys()
		if r.Topic != topic || r.KeyFormat.Name != "KAFKA" || r.Window != nil || len(keys) != 1 {
			continue
		}
		switch id := r.Columns[keys[0]].Type.ID; id {
		case types.Int, types.BigInt, types.Double:
			return id
		}
	}
	return types.Unknown
}

// appendKey shows a number as a number, any other key as a payload.
func (p *printer) appendKey(v *vector.Vector, key []byte) {
	switch {
	case p.number == types.Int && len(key) == 4:
		v.AppendString(strconv.FormatInt(int64(int32(binary.BigEndian.Uint32(key))), 10))
	case p.number == types.BigInt && len(key) == 8:
		v.AppendString(strconv.FormatInt(int64(binary.BigEndian.Uint64(key)), 10))
	case p.number == types.Double && len(key) == 8:
		v.AppendString(strconv.FormatFloat(math.Float64frombits(binary.BigEndian.Uint64(key)), 'g', -1, 64))
	default:
		appendPayload(v, key)
	}
}

// isText tells bytes a terminal can show: UTF-8 without control characters, those of layout aside.
func isText(b []byte) bool {
	if !utf8.Valid(b) {
		return false
	}
	for _, c := range b {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7f {
			return false
		}
	}
	return true
}

// appendPayload shows bytes as text where they are, else in hexadecimal.
func appendPayload(v *vector.Vector, b []byte) {
	switch {
	case b == nil:
		v.AppendNull()
	case isText(b):
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
		p.gather(ctx)
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-p.moved:
		return nil
	}
}

// gather merges the partitions' signals into one channel; close ends its goroutine.
func (p *printer) gather(caller context.Context) {
	p.moved, p.watched = make(chan struct{}, 1), make(chan struct{})
	ctx, cancel := context.WithCancel(context.WithoutCancel(caller))
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
